// The board's rows: a table whose unseen rows are two spacers, so that a thousand symbols cost as much as thirty.

import { make } from "../../make.js";
import { direction } from "../../text.js";
import { COLUMNS, old } from "./columns.js";
import { drawSpark } from "./spark.js";

const ROW_PX = 44; // as board.css says
const MORE = 4; // rows beyond the edges, so that scrolling shows no hole
const SPARK_MS = 500;
const SHOW_MS = 100;
const FLASH_MS = 200;
const FLASH_EVERY_MS = 500;

export class Rows {
  constructor(store, api) {
    this.store = store;
    this.api = api;
    this.above = make("tr", { class: "spacer", "aria-hidden": "true" }, make("td"));
    this.below = make("tr", { class: "spacer", "aria-hidden": "true" }, make("td"));
    this.body = make("tbody", {}, this.above, this.below);
    this.symbols = [];
    this.known = new Set();
    this.drawn = new Map(); // symbol -> row
    this.dirty = new Set();
    this.lit = new Set(); // rows that flash
    this.moved = false; // other rows may be seen, or in other places
    this.asked = new Set(); // symbols whose last minute was asked for
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.timer = setInterval(() => this.tidy(), SPARK_MS);
  }

  attach(scroll) {
    this.scroll = scroll;
    this.look = () => {
      this.moved = true;
      this.soon();
    };
    scroll.addEventListener("scroll", this.look, { passive: true });
    addEventListener("resize", this.look);
    addEventListener("themechange", this.look);
  }

  close() {
    clearInterval(this.timer);
    clearTimeout(this.waiting);
    cancelAnimationFrame(this.handle);
    removeEventListener("resize", this.look);
    removeEventListener("themechange", this.look);
  }

  order(symbols) {
    this.known = new Set(this.store.ticks.keys());
    this.symbols = symbols;
    this.look();
  }

  ticked(ticks) {
    for (const tick of ticks) if (this.drawn.has(tick.symbol)) this.dirty.add(tick.symbol);
    if (this.dirty.size > 0) this.later();
  }

  // All changes of a frame of the screen are made at once.
  soon() {
    this.handle ??= requestAnimationFrame(() => {
      this.handle = null;
      if (this.moved) this.place();
      this.moved = false;
    });
  }

  // Prices change together, and no sooner than eyes can follow: each time, the whole table is laid out.
  later() {
    this.waiting ??= setTimeout(() => {
      this.waiting = null;
      for (const symbol of this.dirty) this.show(symbol, true);
      this.dirty.clear();
      this.fade();
    }, SHOW_MS);
  }

  place() {
    const { scrollTop, clientHeight } = this.scroll;
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - MORE);
    const last = Math.min(this.symbols.length, Math.ceil((scrollTop + clientHeight) / ROW_PX) + MORE);
    const seen = this.symbols.slice(first, last);
    const wanted = new Set(seen);
    for (const [symbol, row] of this.drawn) {
      if (wanted.has(symbol) || row.element.contains(document.activeElement)) continue;
      row.element.remove();
      this.drawn.delete(symbol);
    }
    this.above.firstChild.style.height = `${first * ROW_PX}px`;
    this.below.firstChild.style.height = `${(this.symbols.length - last) * ROW_PX}px`;
    let before = this.above;
    seen.forEach((symbol, at) => {
      const row = this.drawn.get(symbol) ?? this.add(symbol);
      if (before.nextSibling !== row.element) before.after(row.element);
      row.element.setAttribute("aria-rowindex", String(first + at + 2));
      before = row.element;
    });
    this.scroll.firstChild.setAttribute("aria-rowcount", String(this.symbols.length + 1));
  }

  add(symbol) {
    const cells = {};
    const element = make("tr", {});
    for (const { name, number, wide } of COLUMNS) {
      const cell = make(name === "symbol" ? "th" : "td", { class: [number && "number", wide && "wide", name].filter(Boolean).join(" ") });
      if (name === "symbol") {
        cell.scope = "row";
        cell.append(make("a", { href: `/symbols/${encodeURIComponent(symbol)}`, text: symbol }));
      }
      if (name === "spark") cell.append(make("canvas", { role: "img", "aria-label": "Prices of the last minute" }));
      cells[name] = cell;
      element.append(cell);
    }
    const row = { element, cells, price: null, flashedAt: -Infinity };
    this.drawn.set(symbol, row);
    this.show(symbol, false);
    this.spark(symbol);
    return row;
  }

  show(symbol, live) {
    const row = this.drawn.get(symbol);
    const tick = this.store.ticks.get(symbol);
    if (!row || !tick) return;
    for (const { name, text } of COLUMNS) {
      if (name === "symbol" || name === "spark") continue;
      const words = text(tick);
      if (row.cells[name].textContent !== words) row.cells[name].textContent = words;
    }
    const way = direction(tick.change);
    row.element.dataset.way = way;
    row.element.classList.toggle("old", old(symbol, this.store));
    if (live && row.price !== null && tick.price !== row.price) this.flash(row, tick.price > row.price ? "up" : "down");
    row.price = tick.price;
  }

  // On and off, not faded: what fades is drawn anew in each frame of the screen. Twice a second at most, for eyes' sake too.
  flash(row, way) {
    const now = performance.now();
    if (this.lit.has(row)) row.cells.last.dataset.flash = way; // never the colour of a way that it has left
    if (this.still.matches || now - row.flashedAt < FLASH_EVERY_MS) return;
    row.flashedAt = now;
    row.cells.last.dataset.flash = way;
    this.lit.add(row);
  }

  fade() {
    const before = performance.now() - FLASH_MS;
    for (const row of this.lit) {
      if (row.flashedAt > before) continue;
      delete row.cells.last.dataset.flash;
      this.lit.delete(row);
    }
    if (this.lit.size > 0) this.later();
  }

  tidy() {
    for (const [symbol, row] of this.drawn) {
      row.element.classList.toggle("old", old(symbol, this.store));
      this.spark(symbol);
    }
    this.recall();
  }

  spark(symbol) {
    drawSpark(this.drawn.get(symbol).cells.spark.firstChild, this.store.sparks.get(symbol) ?? []);
  }

  // The last minute of the rows that are seen, from before this page was opened.
  async recall() {
    const missing = [...this.drawn.keys()].filter((symbol) => !this.asked.has(symbol)).slice(0, 100);
    if (missing.length === 0) return;
    for (const symbol of missing) this.asked.add(symbol);
    try {
      const { sparklines } = await this.api.get("/sparklines", { symbols: missing.join() });
      for (const { symbol, closes } of sparklines) this.store.recall(symbol, closes);
    } catch {
      // The line grows from what this page sees.
    }
  }
}
