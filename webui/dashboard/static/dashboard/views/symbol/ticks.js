// The newest ticks, as they come. While somebody reads them, the rows stand still.

import { empty, make } from "../../make.js";
import { clock } from "../../moments.js";
import { barDate, price, whole } from "../../text.js";
import { traceLayer } from "./trace.js";

const MOST = 50;
const DRAW_MS = 250; // rows that move faster cannot be read
const ARROWS = { 1: "▲", "-1": "▼", 0: "" };
const WAYS = { 1: "up", "-1": "down", 0: "" };

export function ticksPanel({ app, scope, symbol }) {
  const layer = traceLayer({ app, scope, symbol });
  const rows = Array.from({ length: MOST }, () => row((tick) => layer.trace(tick)));
  const heads = [["Time (UTC)"], ["Price", "number"], ["Size", "number"], ["Number", "number"], ["Trace", "unseen"]];
  const head = make("tr", {}, ...heads.map(([text, kind]) => make("th", { scope: "col", class: kind }, make("span", { text }))));
  const body = make("tbody");
  const table = make("table", {}, make("caption", { class: "spoken", text: `Newest ticks of ${symbol}` }), make("thead", {}, head), body);
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of the newest ticks" }, table);
  const note = make("p", { class: "small quiet note" });
  const hold = make("button", { type: "button", class: "button small", "aria-pressed": "false", text: "Hold", on: { click: toggle } });
  const place = make("div", { class: "place" }, make("div", { class: "skeleton", text: "Loading ticks" }));
  const element = make("section", { class: "panel ticks", "aria-labelledby": "ticks-title" },
    make("div", { class: "controls" }, make("h2", { id: "ticks-title", text: "Newest ticks" }), hold), place, note);
  let ticks = []; // newest first
  let held = false;
  let reading = false;
  let changed = true;
  let recalled = false;

  function toggle() {
    held = !held;
    hold.setAttribute("aria-pressed", String(held));
    hold.textContent = held ? "Go on" : "Hold";
    say();
  }

  function say() {
    const words = held ? "Held: nothing moves until you go on." : reading ? "The rows stand still while you point at them." : "";
    note.textContent = words || "Simulated ticks. Of those that were too fast for this screen, “+ n” counts how many are not shown.";
  }

  function add(fresh) {
    const known = new Set(ticks.map((tick) => `${tick.session} ${tick.seq}`));
    const all = [...ticks, ...fresh.filter((tick) => !known.has(`${tick.session} ${tick.seq}`))];
    const order = (a, b) => (a.session === b.session ? b.seq - a.seq : a.session < b.session ? 1 : -1);
    ticks = all.sort(order).slice(0, MOST + 1); // one more, to tell the last row's direction
    changed = true;
  }

  // With the first one come those before it; without them, what comes live is shown all the same.
  function came(tick) {
    add([tick]);
    if (recalled) return;
    recalled = true;
    app.api.get(`/ticks/${encodeURIComponent(symbol)}`, { limit: MOST }).then(({ session, ticks: before }) => {
      add(before.map((one) => ({ ...one, session })));
    }, () => undefined);
  }

  function draw() {
    if (!changed || held || reading) return;
    changed = false;
    if (ticks.length === 0) return void place.replaceChildren(empty("No tick yet", "Ticks appear here as soon as the stream plays this symbol."));
    if (scroll.parentNode !== place) place.replaceChildren(scroll);
    const shown = Math.min(MOST, ticks.length);
    for (let at = 0; at < shown; at += 1) rows[at].show(ticks[at], ticks[at + 1]);
    if (body.children.length !== shown) body.replaceChildren(...rows.slice(0, shown).map(({ element: line }) => line));
  }

  const read = (now) => () => {
    reading = now;
    say();
  };
  scroll.addEventListener("pointerenter", read(true));
  scroll.addEventListener("pointerleave", read(false));
  scroll.addEventListener("focusin", read(true));
  scroll.addEventListener("focusout", read(false));
  scope.add(app.store.on("ticks", (frame, live) => {
    const tick = frame.find((one) => one.symbol === symbol);
    if (tick) came(live ? { ...tick, seenAt: app.store.serverNow() } : tick);
  }));
  const timer = setInterval(draw, DRAW_MS);
  scope.add(() => clearInterval(timer));
  say();
  if (app.store.ticks.has(symbol)) came(app.store.ticks.get(symbol));
  return { element, layers: [layer.element] };
}

function row(trace) {
  const time = make("td");
  const arrow = make("span", { class: "arrow" });
  const paid = make("span");
  const size = make("td", { class: "number" });
  const number = make("span");
  const skipped = make("span", { class: "quiet small" });
  const button = make("button", { type: "button", class: "button trace", text: "Trace" });
  const cell = make("td", { class: "number" }, arrow, paid);
  const element = make("tr", {}, time, cell, size, make("td", { class: "number" }, skipped, number), make("td", { class: "number" }, button));
  let shown = null;
  button.addEventListener("click", () => shown && trace(shown));
  return {
    element,
    show(tick, before) {
      shown = tick;
      const way = before ? Math.sign(tick.price - before.price) : 0;
      time.textContent = clock(tick.event_time);
      time.title = `of the bar of ${barDate(tick.bar_time)}`;
      arrow.textContent = ARROWS[way];
      cell.className = `number ${WAYS[way]}`;
      paid.textContent = price(tick.price);
      size.textContent = whole(tick.size);
      number.textContent = whole(tick.seq);
      const left = before?.session === tick.session ? tick.seq - before.seq - 1 : 0;
      skipped.textContent = left > 0 ? `+ ${whole(left)} ` : "";
      button.setAttribute("aria-label", `Trace tick ${tick.seq}`);
    },
  };
}
