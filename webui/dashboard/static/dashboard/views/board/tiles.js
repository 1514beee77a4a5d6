// What the whole stream does, in a few figures. Each is measured by a worker or here; a dash is one that is not.

import { make } from "../../make.js";
import { barDate, DASH, direction, figure, percent, whole } from "../../text.js";

const TILES = [
  ["rate", "ticks a second", "Ticks that came out of Kafka, as the monitor counts them"],
  ["kafka", "made → shown, p99", "From a tick's making in the driver to its coming out of Kafka, by the monitor's clock"],
  ["wrong", "lost or repeated", "Holes and repeats in the symbols' numbers since the monitor started"],
  ["breadth", "rising / falling", "Symbols against the close of their bar before"],
  ["mover", "moves most", "The symbol that is furthest from the close of its bar before"],
  ["day", "bar being played", "New York date of the newest bar that ticks are made from"],
];

export class Tiles {
  constructor(store) {
    this.store = store;
    this.values = {};
    this.element = make("dl", { class: "tiles" }, ...TILES.map(([name, title, hint]) => {
      this.values[name] = make("dd", { text: DASH });
      return make("div", { class: "panel", title: hint }, make("dt", { text: title }), this.values[name]);
    }));
    this.timer = setInterval(() => this.show(), 500);
    this.show();
  }

  close() {
    clearInterval(this.timer);
  }

  show() {
    const { ticks, stages, connection } = this.store;
    const figures = connection.state === "connected" ? (stages.find((stage) => stage.stage === "show")?.figures ?? {}) : {};
    this.put("rate", figure(figures.rate_per_s));
    this.put("kafka", figures.p99_ms === undefined ? DASH : `${figure(figures.p99_ms)} ms`);
    const wrong = figures.gaps === undefined ? undefined : figures.gaps + (figures.repeats ?? 0);
    this.put("wrong", whole(wrong), wrong > 0 ? "down" : wrong === 0 ? "up" : "");
    const ways = [...ticks.values()].map((tick) => direction(tick.change));
    const [up, down] = ["up", "down"].map((way) => ways.filter((one) => one === way).length);
    this.put("breadth", ticks.size ? `▲ ${up}  ▼ ${down}` : DASH);
    const most = [...ticks.values()].reduce((a, b) => (Math.abs(b.change_percent ?? 0) > Math.abs(a?.change_percent ?? 0) ? b : a), null);
    this.put("mover", most ? `${most.symbol} ${percent(most.change_percent)}` : DASH, most ? direction(most.change) : "");
    const dates = [...ticks.values()].map((tick) => barDate(tick.bar_time)).sort();
    this.put("day", dates.at(-1) ?? DASH);
  }

  put(name, text, level = "") {
    const value = this.values[name];
    if (value.textContent !== text) value.textContent = text;
    value.className = level;
  }
}
