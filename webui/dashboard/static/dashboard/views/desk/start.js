// Opening a session in place of the one that plays.

import { make } from "../../make.js";
import { field, form, symbolsOf } from "./fields.js";

export function starting({ app, order, now }) {
  const symbols = field("Symbols", make("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "all that have bars" }), "Left empty: all that have bars.");
  const since = field("First day", make("input", { type: "date" }), "Left empty: the first that all have.");
  const speed = field("Times", make("input", { type: "number", min: 0.1, max: 1000, step: "any", value: 1, required: true }));
  const loop = make("input", { type: "checkbox", checked: true });
  const button = make("button", { type: "submit", class: "button", text: "Start a session" });
  const listed = { symbols: () => symbolsOf(symbols.input.value) };

  async function act() {
    const playing = now();
    if (playing && ["playing", "paused"].includes(playing.state)) {
      const text = `The session that is ${playing.state} ends, for everybody who watches; the new one takes its place.`;
      if (!(await app.confirm({ title: "Start another session?", text, yes: "Start it", danger: true }))) return null;
    }
    const given = listed.symbols();
    const body = { action: "start", speed: Number(speed.input.value), loop: loop.checked };
    if (given.length) body.symbols = given;
    if (since.input.value) body.since = `${since.input.value}T00:00:00Z`;
    return order(body, "A session is opened.");
  }

  const fields = { symbols, since, from: since, speed };
  const element = form({ fields, button, act, app, listed },
    make("div", { class: "fields" }, symbols.element, since.element, speed.element),
    make("label", { class: "check" }, loop, make("span", { text: "Play again from the first day when the bars are over" })));
  const details = make("details", { class: "start" }, make("summary", { text: "Start another session" }), element);
  let seen = false;
  return {
    element: details,
    show(_, open) {
      if (!seen) details.open = !open;
      seen = true;
    },
  };
}
