// The stream: what plays and how far it is, and the orders to it. An order holds about a second after it is given.

import { make } from "../../make.js";
import { clock, longDay, shortDay } from "../../moments.js";
import { barDate, whole } from "../../text.js";
import { tell } from "./fields.js";
import { starting } from "./start.js";
import { seeking, speeding } from "./steering.js";

const LOOK_MS = 2000;
const FEW_ORDERS = 5;
const LEVELS = { playing: "good", paused: "warn" };
const OPEN = ["playing", "paused", "ended"]; // states in which a session takes orders
const MEANING = {
  idle: "Nothing has been played yet: a session opens by itself when enough symbols have bars, or by “start”.",
  playing: "", paused: "Nothing is sent until it is resumed.",
  stopped: "The session is over; only “start” opens another.", ended: "Its bars are over, and it does not loop.",
};

export function streamPanel({ app, scope }) {
  const pill = make("span", { class: "pill", text: "asking …" });
  const words = make("p", { class: "words" });
  const day = make("p", { class: "day", text: "–" });
  const first = make("span", { text: "–" });
  const last = make("span", { text: "–" });
  const done = make("progress", { max: 1, value: 0, "aria-label": "How far the session is" });
  const given = make("ol", { class: "orders small quiet" });
  const session = make("p", { class: "small quiet session" });
  const result = make("p", { class: "result small", role: "status" });
  const state = { now: null };
  const toggle = make("button", { type: "button", class: "button primary", text: "Pause", disabled: true, on: { click: () => simple(state.now?.state === "paused" ? "resume" : "pause") } });
  const stop = make("button", { type: "button", class: "button danger", text: "Stop", disabled: true, on: { click: stopAsked } });
  const order = async (body, said) => {
    show(await app.api.post("/stream", body));
    return `${said} It holds about a second from now.`;
  };
  const tools = { app, order, now: () => state.now };
  const seek = seeking(tools);
  const speed = speeding(tools);
  const start = starting(tools);
  const controls = app.user.mayDirect
    ? [make("div", { class: "row" }, toggle, stop, result), make("div", { class: "steering" }, seek.element, speed.element), start.element]
    : [make("p", { class: "small quiet" }, app.user.staff ? "Directing it needs the permission to do so." : "Who is signed in and may direct the stream has its controls here.")];
  const element = make("section", { class: "panel stream", "aria-labelledby": "stream-title" },
    make("div", { class: "controls" }, make("h2", { id: "stream-title", text: "Stream" }), pill),
    make("div", { class: "position" }, day, words), make("div", { class: "progress" }, done, make("div", { class: "ends small quiet" }, first, last)), session,
    ...controls, make("div", { class: "given" }, make("h3", { text: "What it was told" }), given));

  scope.every(LOOK_MS, async () => {
    try {
      const now = await app.api.get("/stream");
      if (scope.open) show(now);
    } catch (error) {
      pill.textContent = "not known";
      pill.dataset.level = "bad";
      words.textContent = error.detail || error.title;
    }
  });

  async function simple(action) {
    toggle.disabled = true;
    try {
      tell(result, await order({ action }, { pause: "Paused.", resume: "Resumed.", stop: "Stopped." }[action]), "good", app);
    } catch (error) {
      tell(result, error.detail || error.title, "bad", app);
    }
    toggle.disabled = !OPEN.includes(state.now?.state);
  }

  async function stopAsked() {
    const text = "The session ends for everybody who watches, and no tick is sent until another one is started.";
    if (await app.confirm({ title: "Stop the stream?", text, yes: "Stop it", danger: true })) await simple("stop");
  }

  function show(now) {
    state.now = now;
    pill.textContent = now.state;
    if (LEVELS[now.state]) pill.dataset.level = LEVELS[now.state];
    else delete pill.dataset.level;
    day.textContent = now.position ? longDay(barDate(now.position)) : "no position";
    words.textContent = now.session ? [how(now), MEANING[now.state]].filter(Boolean).join(" ") : MEANING[now.state];
    first.textContent = now.first ? shortDay(barDate(now.first)) : "";
    last.textContent = now.last ? shortDay(barDate(now.last)) : "";
    done.value = progress(now);
    session.textContent = now.session ? `Session ${now.session}, seed ${now.seed}, ${now.interval} bars of ${SOURCES[now.source] ?? now.source}; its ticks are simulated.` : "";
    toggle.textContent = now.state === "paused" ? "Resume" : "Pause";
    toggle.disabled = stop.disabled = !OPEN.includes(now.state);
    const orders = now.orders.slice(-FEW_ORDERS).reverse();
    given.replaceChildren(...(orders.length ? orders.map(orderLine) : [make("li", { text: "nothing yet" })]));
    for (const part of [seek, speed, start]) part.show(now, OPEN.includes(now.state));
  }

  return { element };
}

const SOURCES = { simulator: "the Alpha Vantage simulator", alphavantage: "Alpha Vantage" };

function how({ speed, loop, symbols }) {
  return `${whole(symbols.length)} symbols at ${speed}×${loop ? ", from the first day again when the bars are over" : ", once"}.`;
}

// By the calendar: which part of the time from the first bar to the last lies behind.
function progress({ position, first, last }) {
  if (!position || !first || !last) return 0;
  const [at, from, to] = [position, first, last].map(Date.parse);
  return to > from ? Math.max(0, Math.min(1, (at - from) / (to - from))) : 1;
}

function orderLine({ at, kind, value }) {
  const what = { speed: `speed ${value}×`, seek: `seek to bar ${whole(value + 1)} of the session` }[kind] ?? kind;
  return make("li", {}, make("time", { datetime: at, text: `${clock(at, 0)} UTC` }), ` ${what}`);
}
