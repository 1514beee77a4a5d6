// The LED sign: a canvas of dots that scrolls by whole columns, as a real sign does.
//
// An item is composed when it enters on the right, so it shows the price of that moment. Only the entering column is
// drawn; the rest of the picture is moved.

import { columns } from "./font.js";
import { DASH, direction, percent, price } from "./text.js";

const ROWS = 9; // seven of the font, one blank above and below
const PER_SECOND = 22;
const LIT = { text: "#ffb000", up: "#3ddc84", down: "#ff6b6b" };
const DARK = "#17130a";
const BLANK = { bits: 0, color: DARK };
const STILL_MS = 4000; // with reduced motion: a still page of symbols, turned this often

export class Ticker {
  constructor(canvas, ticks) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.ticks = ticks; // symbol -> newest tick
    this.shown = []; // the columns on the sign, left to right
    this.entering = [];
    this.last = null;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
    this.frame = this.frame.bind(this);
    requestAnimationFrame(this.frame);
  }

  resize() {
    this.scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * this.scale);
    this.canvas.height = Math.round(this.canvas.clientHeight * this.scale);
    this.pitch = Math.floor(this.canvas.clientHeight / (ROWS + 0.5)); // CSS pixels from dot to dot
    this.width = Math.ceil(this.canvas.clientWidth / this.pitch);
    this.shown = [...Array(Math.max(0, this.width - this.shown.length)).fill(BLANK), ...this.shown].slice(-this.width);
    this.draw();
  }

  frame(now) {
    requestAnimationFrame(this.frame);
    this.last ??= now;
    if (this.still.matches) {
      if (this.page === undefined || now - this.last > STILL_MS) this.turn(now);
      return;
    }
    // After a hidden tab the sign goes on where it stood; it does not race to catch up.
    const steps = Math.min(4, Math.floor(((now - this.last) * PER_SECOND) / 1000));
    if (steps === 0) return;
    this.last = now - this.last > 1000 ? now : this.last + (steps * 1000) / PER_SECOND;
    for (let step = 0; step < steps; step += 1) this.step();
  }

  step() {
    if (this.entering.length === 0) this.entering = this.next();
    this.shown.shift();
    this.shown.push(this.entering.shift() ?? BLANK);
    const { canvas, context } = this;
    const shift = this.pitch * this.scale;
    context.globalCompositeOperation = "copy";
    context.drawImage(canvas, -shift, 0);
    context.globalCompositeOperation = "source-over";
    this.column(this.shown.length - 1);
  }

  // The columns of the symbol whose turn it is.
  next() {
    const symbols = [...this.ticks.keys()].sort();
    if (symbols.length === 0) return [];
    const symbol = symbols.find((name) => name > (this.previous ?? "")) ?? symbols[0];
    this.previous = symbol;
    return compose(this.ticks.get(symbol));
  }

  turn(now) {
    this.last = now;
    this.page = [];
    for (let count = this.ticks.size; count > 0; count -= 1) {
      const before = this.previous;
      const item = this.next();
      if (this.page.length > 0 && this.page.length + item.length > this.width) {
        this.previous = before; // it comes first on the next page
        break;
      }
      this.page.push(...item);
    }
    this.shown = [...this.page, ...Array(this.width).fill(BLANK)].slice(0, this.width);
    this.draw();
    if (this.ticks.size === 0) this.page = undefined;
  }

  draw() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (let at = 0; at < this.shown.length; at += 1) this.column(at);
  }

  column(at) {
    const { context, pitch, scale } = this;
    const { bits, color } = this.shown[at];
    const top = (this.canvas.clientHeight - ROWS * pitch) / 2;
    const x = at * pitch + pitch / 2;
    context.clearRect(at * pitch * scale, 0, pitch * scale, this.canvas.height);
    for (let row = 0; row < ROWS; row += 1) {
      context.fillStyle = row > 0 && (bits >> (row - 1)) & 1 ? color : DARK;
      context.beginPath();
      context.arc(x * scale, (top + row * pitch + pitch / 2) * scale, pitch * 0.38 * scale, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

function compose(tick) {
  const way = direction(tick.change);
  const arrow = { up: "▲", down: "▼" }[way] ?? "";
  const change = percent(tick.change_percent);
  const move = change === DASH ? "" : `${arrow}${change.replace(/[+−]/, "").replace(" %", "%")}`;
  const painted = (text, color) => columns(text).map((bits) => ({ bits, color }));
  return [
    ...painted(`${tick.symbol} `, LIT.text),
    ...painted(`${price(tick.price)} `, LIT.text),
    ...painted(`${move}   `, LIT[way] ?? LIT.text),
    ...Array(5).fill(BLANK),
  ];
}
