// What the candle under the crosshair says, in words and figures; without a crosshair, the newest one.

import { make } from "../../make.js";
import { clock, longDay } from "../../moments.js";
import { direction, percent, price, whole } from "../../text.js";

const NAMES = ["Open", "High", "Low", "Close", "Volume"]; // their first letters are seen
const ARROWS = { up: "▲", down: "▼" };

export function timeOf(candle) {
  return typeof candle.time === "number" ? clock(candle.time * 1000, 0) : candle.time;
}

export function legend() {
  const time = make("strong");
  const values = NAMES.map((name) => [name, make("dd", { class: "number" })]);
  const change = make("span", { class: "number change" });
  const note = make("span", { class: "quiet note" });
  const pairs = values.map(([name, cell]) => make("div", {}, make("dt", { text: name.slice(0, 1) }, make("span", { class: "spoken", text: name.slice(1) })), cell));
  const element = make("div", { class: "legend" }, time, make("dl", {}, ...pairs), change, note);
  return {
    element,
    // `before` is the candle before it, if there is one.
    show(candle, before) {
      element.dataset.empty = candle ? "no" : "yes";
      if (!candle) return;
      const day = typeof candle.time === "string";
      time.textContent = day ? longDay(candle.time) : `${timeOf(candle)} UTC`;
      const texts = [candle.open, candle.high, candle.low, candle.close].map((value) => price(value));
      const least = candle.exact === false ? "≥ " : "";
      [...texts, least + whole(candle.volume)].forEach((text, at) => (values[at][1].textContent = text));
      const percents = before ? ((candle.close - before.close) / before.close) * 100 : null;
      const way = direction(percents);
      change.className = `number change ${way}`;
      change.textContent = before ? `${ARROWS[way] ?? ""} ${percent(percents)}` : "";
      note.textContent = noteOf(candle);
    },
  };
}

export function sentence(candle, before) {
  const percents = before ? `, ${percent(((candle.close - before.close) / before.close) * 100)} against the bar before` : "";
  const time = typeof candle.time === "string" ? longDay(candle.time) : `${timeOf(candle)} UTC`;
  return `${time}: open ${price(candle.open)}, high ${price(candle.high)}, low ${price(candle.low)}, close ${price(candle.close)}, volume ${whole(candle.volume)}${percents}. ${noteOf(candle)}`;
}

function noteOf(candle) {
  if (candle.forming && candle.exact === false) return "forming, partly seen";
  if (candle.forming) return "forming";
  return candle.synthetic ? "seeded by the simulator, no market made it" : "";
}
