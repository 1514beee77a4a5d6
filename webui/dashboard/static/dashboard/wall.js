// The wall: one tape over the page, or as many as fill the screen. With its words for who cannot see it.

import { Tape } from "./ticker.js";
import { direction, percent, price } from "./text.js";

const SPOKEN_MS = 5000;
const MOST_SPOKEN = 50;
const TAPE_PX = 150; // of height that a tape of a full wall has, about

export class Wall {
  constructor(element, store, kiosk) {
    this.element = element;
    this.store = store;
    this.kiosk = kiosk;
    this.tapes = [];
    this.list = element.querySelector("ul");
    this.build();
    addEventListener("resize", () => this.build());
    document.addEventListener("fullscreenchange", () => this.build());
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, select, textarea, dialog");
      if (event.key.toLowerCase() === "f" && !typing && !event.metaKey && !event.ctrlKey && !event.altKey) this.toggle();
    });
    element.querySelector("button").onclick = () => this.toggle();
    setInterval(() => this.speak(), SPOKEN_MS);
    const first = store.on("ticks", () => {
      if (store.ticks.size === 0) return; // the snapshot of a system that has not ticked yet
      first();
      for (const tape of this.tapes) tape.fill();
      this.speak();
    });
  }

  toggle() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.element.requestFullscreen?.();
  }

  build() {
    const full = this.kiosk || document.fullscreenElement === this.element;
    const count = full ? Math.max(1, Math.min(6, Math.round(this.element.clientHeight / TAPE_PX))) : 1;
    if (count === this.tapes.length) return;
    for (const tape of this.tapes) {
      tape.close();
      tape.canvas.remove();
    }
    this.tapes = Array.from({ length: count }, (_, row) => {
      const canvas = document.createElement("canvas");
      canvas.setAttribute("aria-hidden", "true");
      this.element.append(canvas);
      return new Tape(canvas, turns(this.store, row, count), () => this.idle(), 1 + 0.12 * (row % 3));
    });
  }

  idle() {
    if (this.store.ticks.size > 0) return "";
    return this.store.connection.state === "connected" ? "Tickerline  waiting for the first tick" : "Tickerline";
  }

  speak() {
    const rows = [...this.store.ticks.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1)).slice(0, MOST_SPOKEN);
    this.list.replaceChildren(
      ...rows.map((tick) => {
        const line = document.createElement("li");
        const way = direction(tick.change);
        line.textContent = `${tick.symbol} ${price(tick.price)}${way ? `, ${way} ${percent(tick.change_percent)}` : ""}`;
        return line;
      }),
    );
  }
}

// Gives the symbols of one tape of several in turn, the first letter first.
function turns(store, row, count) {
  let previous = "";
  return () => {
    const all = [...store.ticks.keys()].sort();
    const symbols = all.length > count ? all.filter((_, at) => at % count === row) : all;
    if (symbols.length === 0) return null;
    // Few symbols are on every tape: each begins with another, so that no two tapes say the same.
    const next = symbols.find((name) => name > previous) ?? symbols[0];
    previous = previous === "" ? symbols[row % symbols.length] : next;
    return store.ticks.get(previous);
  };
}
