// One tape of the LED sign: dots on a canvas that move smoothly to the left.
//
// Dots are drawn once, when their column enters on the right, into a ring of columns; each frame of the screen is then two
// copies of that ring, whatever is on it. An item is composed when it enters, so it shows the price of that moment.

import { columns } from "./font.js";
import { DASH, direction, percent, price } from "./text.js";

const ROWS = 9; // seven of the font, one blank above and below
const PX_PER_S = 150; // of the screen's CSS pixels, for a sign of usual height; more for a bigger one
const LIT = { text: "#ffb000", quiet: "#c98500", up: "#2ee57f", down: "#ff5a4f" };
const DARK = "#1a140a";
const BLANK = { bits: 0, color: "text" };
const STILL_MS = 5000; // with reduced motion: a still page of symbols, turned this often
const MOST_MS = 100; // after a hidden tab the sign goes on where it stood; it does not race to catch up

export class Tape {
  // `next()` gives the tick whose turn it is, or null; `idle()` what the sign says without any; `pace`: how many times as fast.
  constructor(canvas, next, idle, pace = 1) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.next = next;
    this.idle = idle;
    this.pace = pace;
    this.ring = document.createElement("canvas");
    this.entering = [];
    this.head = 0; // of the ring: the column that is written next
    this.part = 0; // how far the newest column has come in, in columns
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(canvas);
    this.resize();
    this.frame = this.frame.bind(this);
    this.handle = requestAnimationFrame(this.frame);
  }

  close() {
    this.observer.disconnect();
    cancelAnimationFrame(this.handle);
  }

  resize() {
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * scale));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * scale));
    this.pitch = Math.max(2, Math.floor(this.canvas.height / (ROWS + 0.6))); // device pixels from dot to dot
    this.perSecond = (PX_PER_S * this.pace * scale * Math.max(1, this.pitch / scale / 9)) / this.pitch; // columns
    this.size = Math.ceil(this.canvas.width / this.pitch) + 2;
    this.ring.width = this.size * this.pitch;
    this.ring.height = ROWS * this.pitch;
    this.pen = this.ring.getContext("2d", { alpha: false });
    this.dots = dots(this.pitch);
    this.shown = (this.shown ?? []).slice(-this.size);
    this.shown.unshift(...Array(this.size - this.shown.length).fill(BLANK));
    this.head = 0;
    this.part = 0;
    this.context.fillStyle = "#060503"; // of the edges above and below; the ring's columns cover all between them
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.shown.forEach((column, at) => this.paint(at, column));
    this.draw();
  }

  frame(now) {
    this.handle = requestAnimationFrame(this.frame);
    const passed = now - (this.last ?? now);
    if (this.still.matches) {
      if (this.last === undefined || passed > STILL_MS) this.turn(now);
      return;
    }
    this.last = now;
    this.part += (Math.min(passed, MOST_MS) / 1000) * this.perSecond;
    while (this.part >= 1) {
      this.part -= 1;
      this.push(this.entering.shift() ?? this.refill());
    }
    this.draw();
  }

  refill() {
    this.entering = compose(this.next(), this.idle());
    return this.entering.shift() ?? BLANK;
  }

  // The whole tape at once: whoever opens the page need not wait for the first symbol to cross the screen.
  fill() {
    this.entering = [];
    for (let at = 0; at < this.size; at += 1) this.push(this.entering.shift() ?? this.refill());
    this.draw();
  }

  push(column) {
    this.shown.shift();
    this.shown.push(column);
    this.paint(this.head, column);
    this.head = (this.head + 1) % this.size;
  }

  // A still page: as many whole items as there is room for.
  turn(now) {
    this.last = now;
    const page = [];
    for (;;) {
      const item = this.kept ?? compose(this.next(), this.idle());
      this.kept = null;
      if (item.length === 0 || (page.length > 0 && page.length + item.length > this.size)) {
        this.kept = item.length ? item : null; // it comes first on the next page
        break;
      }
      page.push(...item);
    }
    for (let at = 0; at < this.size; at += 1) this.push(page[at] ?? BLANK);
    this.part = 0;
    this.draw();
  }

  draw() {
    const { context, canvas, ring, pitch } = this;
    const top = Math.floor((canvas.height - ring.height) / 2);
    const shift = Math.round(this.part * pitch);
    const split = this.head * pitch; // what is right of it is older
    const older = ring.width - split;
    if (older > 0) context.drawImage(ring, split, 0, older, ring.height, -shift, top, older, ring.height);
    if (split > 0) context.drawImage(ring, 0, 0, split, ring.height, older - shift, top, split, ring.height);
  }

  paint(at, { bits, color }) {
    const x = at * this.pitch;
    for (let row = 0; row < ROWS; row += 1) {
      const lit = row > 0 && (bits >> (row - 1)) & 1;
      this.pen.drawImage(this.dots[lit ? color : "dark"], x, row * this.pitch);
    }
  }
}

// One picture of a dot for each colour: a bright heart, and a glow that ends at the dot's own square.
function dots(pitch) {
  const made = {};
  for (const [name, color] of [...Object.entries(LIT), ["dark", DARK]]) {
    const dot = document.createElement("canvas");
    dot.width = dot.height = pitch;
    const pen = dot.getContext("2d");
    const middle = pitch / 2;
    pen.fillStyle = "#060503";
    pen.fillRect(0, 0, pitch, pitch);
    if (name !== "dark") {
      const glow = pen.createRadialGradient(middle, middle, pitch * 0.2, middle, middle, pitch * 0.72);
      glow.addColorStop(0, color);
      glow.addColorStop(1, "#060503");
      pen.globalAlpha = 0.45;
      pen.fillStyle = glow;
      pen.fillRect(0, 0, pitch, pitch);
      pen.globalAlpha = 1;
    }
    pen.fillStyle = color;
    pen.beginPath();
    pen.arc(middle, middle, pitch * 0.38, 0, 2 * Math.PI);
    pen.fill();
    made[name] = dot;
  }
  return made;
}

// The columns of a tick, or of words when there is none.
function compose(tick, words) {
  const painted = (text, color) => columns(text).map((bits) => ({ bits, color }));
  if (tick === null) return words ? [...painted(words, "quiet"), ...Array(24).fill(BLANK)] : [];
  const way = direction(tick.change);
  const change = percent(tick.change_percent);
  const arrow = { up: "▲", down: "▼" }[way] ?? "";
  const move = change === DASH ? "" : `${arrow}${change.replace(/[+−]/, "").replace(" %", "%")}`;
  return [
    ...painted(`${tick.symbol} `, "text"),
    ...painted(`${price(tick.price)} `, way || "text"),
    ...painted(move, way || "text"),
    ...Array(9).fill(BLANK),
  ];
}
