// Seek and speed: a slider and a field for each, which say the same.

import { make } from "../../make.js";
import { longDay } from "../../moments.js";
import { barDate } from "../../text.js";
import { field, form } from "./fields.js";

const DAY_MS = 86_400_000;
const SLOWEST = 0.1;
const FASTEST = 1000;
const PRESETS = [0.1, 0.5, 1, 5, 20, 100, 1000];

export function seeking({ app, order }) {
  const slider = make("input", { type: "range", min: 0, max: 1, step: 1, value: 0, "aria-label": "Day to go to" });
  const date = make("input", { type: "date", required: true });
  const to = field("Go to day", date, "It goes on with the first bar of that day, in New York, or later.");
  const button = make("button", { type: "submit", class: "button", text: "Seek" });
  let first = null; // of the session, as a day
  let touched = false;

  slider.addEventListener("input", () => set(dayAfter(first, Number(slider.value))));
  date.addEventListener("input", () => set(date.value));

  function set(day) {
    touched = true;
    put(day);
  }

  function put(day) {
    if (!day) return;
    if (date.value !== day) date.value = day;
    if (first) slider.value = String(daysBetween(first, day));
    slider.setAttribute("aria-valuetext", longDay(day));
  }

  async function act() {
    if (!date.value) {
      to.fail("expected a day");
      date.focus();
      return null;
    }
    // A bar of a day begins at its midnight in New York, which is later than that of Greenwich.
    const said = await order({ action: "seek", to: `${date.value}T00:00:00Z` }, `It goes on at ${longDay(date.value)}.`);
    touched = false;
    return said;
  }

  const element = form({ fields: { to }, button, act, app }, slider, to.element);
  return {
    element: make("section", { "aria-label": "Seek" }, make("h3", { text: "Seek" }), element),
    show(now, open) {
      first = now.first ? barDate(now.first) : null;
      const last = now.last ? barDate(now.last) : null;
      button.disabled = slider.disabled = date.disabled = !open || !first;
      if (!first) return;
      slider.max = String(daysBetween(first, last));
      Object.assign(date, { min: first, max: last });
      if (!touched && now.position && document.activeElement !== date && document.activeElement !== slider) put(barDate(now.position));
    },
  };
}

export function speeding({ app, order }) {
  const slider = make("input", { type: "range", min: Math.log10(SLOWEST), max: Math.log10(FASTEST), step: "any", value: 0, "aria-label": "Speed" });
  const number = make("input", { type: "number", min: SLOWEST, max: FASTEST, step: "any", value: 1, required: true });
  const speed = field("Times", number, "1: ten ticks a second of each symbol. From 0.1 to 1,000.");
  const button = make("button", { type: "submit", class: "button", text: "Set the speed" });
  const presets = PRESETS.map((value) => make("button", { type: "button", text: `${value}×`, on: { click: () => set(value) } }));
  let touched = false;

  slider.addEventListener("input", () => set(rounded(10 ** Number(slider.value))));
  number.addEventListener("input", () => set(Number(number.value)));

  function set(value) {
    touched = true;
    put(value);
  }

  function put(value) {
    if (Number(number.value) !== value) number.value = String(value);
    if (value > 0 && document.activeElement !== slider) slider.value = String(Math.log10(value));
    slider.setAttribute("aria-valuetext", `${value} times`);
    presets.forEach((preset, at) => preset.setAttribute("aria-pressed", String(PRESETS[at] === value)));
  }

  async function act() {
    const said = await order({ action: "speed", speed: Number(number.value) }, `It plays at ${number.value} times.`);
    touched = false;
    return said;
  }

  const element = form({ fields: { speed }, button, act, app }, make("div", { class: "segments presets", role: "group", "aria-label": "Usual speeds" }, ...presets), slider, speed.element);
  return {
    element: make("section", { "aria-label": "Speed" }, make("h3", { text: "Speed" }), element),
    show(now, open) {
      for (const one of [button, slider, number, ...presets]) one.disabled = !open;
      if (!touched && now.speed && ![number, slider].includes(document.activeElement)) put(now.speed);
    },
  };
}

// As many digits as a slider can be set to by hand: 0.37, 4.2, 37, 420.
function rounded(value) {
  return Math.min(FASTEST, Math.max(SLOWEST, Number(value.toPrecision(2))));
}

function dayAfter(day, count) {
  return new Date(Date.parse(day) + count * DAY_MS).toISOString().slice(0, 10);
}

function daysBetween(from, to) {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);
}
