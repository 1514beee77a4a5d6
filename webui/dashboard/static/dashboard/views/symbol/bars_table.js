// The newest bars as a table: the chart for who cannot see it, or wants to copy figures. Closed until it is asked for.

import { make } from "../../make.js";
import { percent, price, whole } from "../../text.js";
import { timeOf } from "./legend.js";

const MOST = 60;
const HEADS = ["Open", "High", "Low", "Close", "Change", "Volume"];

export function barsTable() {
  const head = make("th", { scope: "col" });
  const body = make("tbody");
  const caption = make("caption", { class: "spoken" });
  const heads = HEADS.map((text) => make("th", { scope: "col", class: "number", text }));
  const table = make("table", {}, caption, make("thead", {}, make("tr", {}, head, ...heads)), body);
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Newest bars" }, table);
  const element = make("details", { class: "bars-table" }, make("summary", { text: "The newest bars as a table" }), scroll);
  let shown = { candles: [], name: "", zone: "" };

  function fill() {
    if (!element.open) return;
    const { candles, name, zone } = shown;
    head.textContent = zone;
    caption.textContent = name;
    const first = Math.max(0, candles.length - MOST);
    body.replaceChildren(...candles.slice(first).map((candle, at) => row(candle, candles[first + at - 1])).reverse());
  }

  element.addEventListener("toggle", fill);
  return {
    element,
    show(candles, name, zone) {
      shown = { candles, name, zone };
      fill();
    },
  };
}

function row(candle, before) {
  const change = before ? ((candle.close - before.close) / before.close) * 100 : null;
  const prices = [candle.open, candle.high, candle.low, candle.close].map((value) => price(value));
  const figures = [...prices, percent(change), whole(candle.volume)];
  const time = make("th", { scope: "row", text: candle.forming ? `${timeOf(candle)} (forming)` : timeOf(candle) });
  return make("tr", {}, time, ...figures.map((text) => make("td", { class: "number", text })));
}
