// The chart's panel: which bars, how many of them, what the crosshair says, and the same as a table.

import { empty, make } from "../../make.js";
import { barDate, price, whole } from "../../text.js";
import { barsTable } from "./bars_table.js";
import { legend, sentence } from "./legend.js";
import { openPlot } from "./plot.js";
import { KINDS, liveCandles, storedBars } from "./series.js";

const RELOAD_MS = 2000; // after a gap in what came; at most so often
const TABLE_MS = 1000;
const FIRST_TICK_MS = 1500; // a page that is opened here gets its ticks a moment later
const ZONES = { true: "Time (UTC)", false: "Day (New York)" };
let chosen = null; // the interval, kept from symbol to symbol while the page is open

export function chartPanel({ app, symbol, scope, daily }) {
  const state = { interval: null, range: null, candles: [], live: null, plot: null, opening: null, cursor: null };
  const telling = legend();
  const table = barsTable();
  const place = make("div", { class: "plot", tabindex: "0", role: "group", "aria-label": `Chart of ${symbol}`, "aria-describedby": "plot-keys" });
  const over = make("div", { class: "over" });
  const spoken = make("p", { class: "spoken", role: "status" });
  const about = make("p", { class: "quiet small about" });
  const kinds = segments("Bars", Object.entries(KINDS).map(([key, { name, title }]) => [key, name, title]), choose);
  const ranges = make("div", { class: "segments", role: "group", "aria-label": "Range" });
  const element = make(
    "section", { class: "panel chart", "aria-labelledby": "chart-title" },
    make("div", { class: "controls" }, make("h2", { id: "chart-title", text: "Chart" }), kinds.element, ranges),
    telling.element, make("div", { class: "frame" }, place, over), spoken, keys(), about, attribution(), table.element,
  );

  function choose(interval) {
    chosen = interval;
    begin(interval);
  }

  function begin(interval) {
    Object.assign(state, { interval, range: KINDS[interval].first, candles: [], live: null, cursor: null });
    load();
  }

  function showRanges() {
    const rows = KINDS[state.interval].ranges;
    ranges.replaceChildren(...rows.map(([name, count]) => {
      const on = { click: () => { state.range = name; showRanges(); state.plot?.zoom(count ?? undefined); } };
      return make("button", { type: "button", text: name, "aria-pressed": String(state.range === name), on });
    }));
  }

  // Not at once but `again`: something has been stored since the view was opened.
  async function load(again = false) {
    const { interval } = state;
    kinds.press(interval);
    showRanges();
    telling.show(null);
    over.replaceChildren(make("div", { class: "skeleton", text: "Loading bars" }));
    try {
      const live = KINDS[interval].live ? await liveCandles(app.api, symbol, interval, app.store.ticks.has(symbol)) : null;
      const there = interval !== "daily" || again || (await daily);
      const candles = live ? live.candles() : there ? await storedBars(app.api, symbol, interval) : [];
      await plotted();
      if (!scope.open) return;
      if (state.interval === interval) Object.assign(state, { live, candles });
    } catch (error) {
      if (scope.open && state.interval === interval) failed(error);
      return;
    }
    if (state.interval === interval) draw();
  }

  // One plot, whoever asks first; after a failure the next one tries again.
  async function plotted() {
    state.opening ??= openPlot(place, pointed);
    try {
      state.plot = await state.opening;
    } catch (error) {
      state.opening = null;
      throw error;
    }
    if (!scope.open) state.plot.close();
  }

  function failed(error) {
    const again = make("button", { type: "button", class: "button", text: "Try again", on: { click: () => load(true) } });
    const text = error.status === undefined ? "The chart's script could not be loaded." : error.message;
    over.replaceChildren(empty("The bars could not be read", text, again));
  }

  function draw() {
    const { plot, interval, candles } = state;
    const { live, title, ranges: rows } = KINDS[interval];
    if (candles.length === 0) return over.replaceChildren(nothing(live, title));
    over.replaceChildren();
    plot.show([...candles], { seconds: interval === "1s", digits: candles.at(-1).close < 1 ? 4 : 2 });
    plot.zoom(rows.find(([name]) => name === state.range)[1] ?? undefined);
    place.setAttribute("aria-label", `${symbol}, ${title}: ${candles.length} bars`);
    tell();
    mark();
    return tabulate();
  }

  function describe() {
    const { live, title } = KINDS[state.interval];
    if (live) {
      about.textContent = `${whole(state.candles.length)} ${title}, times in UTC. The newest grows with each tick until its finished bar replaces it; all ticks are simulated.`;
      return;
    }
    const seeded = state.candles.filter((candle) => candle.synthetic).length;
    const [first, last] = [state.candles[0].time, state.candles.at(-1).time];
    const made = seeded ? ` ${whole(seeded)} of them are seeded by the simulator: no market made them.` : "";
    about.textContent = `${whole(state.candles.length)} ${title} as traded, ${first} to ${last}, days of New York.${made}`;
  }

  function tell() {
    const at = state.cursor ?? state.candles.length - 1;
    telling.show(state.candles[at], state.candles[at - 1]);
  }

  function pointed(time) {
    const key = time !== null && typeof time === "object" ? isoDay(time) : time;
    const at = key === null ? -1 : state.candles.findLastIndex((candle) => candle.time === key);
    state.cursor = at < 0 ? null : at;
    if (state.candles.length) tell();
  }

  function mark() {
    if (state.interval !== "daily" || !state.plot) return;
    const tick = app.store.ticks.get(symbol);
    const day = tick ? barDate(tick.bar_time) : null;
    state.plot.mark(day !== null && state.candles.some((candle) => candle.time === day) ? day : null, "playing");
  }

  const tabulate = throttled(TABLE_MS, scope, () => {
    if (state.candles.length === 0) return;
    const { title, live } = KINDS[state.interval];
    describe();
    table.show(state.candles, `${symbol}, the newest ${title}`, ZONES[live]);
  });
  const reload = throttled(RELOAD_MS, scope, async () => {
    const { live, interval } = state;
    if (!live) return;
    try {
      await liveCandles(app.api, symbol, interval, true, live);
    } catch {
      return; // the status bar says what is wrong; the next gap, or connection, asks again
    }
    if (state.live !== live || !scope.open) return;
    state.candles = live.candles();
    draw();
  });

  // The windows that have changed, onto the chart.
  function grow(starts) {
    if (starts.length === 0) return;
    if (state.candles.length === 0) {
      state.candles = state.live.candles();
      if (state.plot) draw();
      return void reload();
    }
    for (const start of starts) {
      const candle = state.live.candle(start);
      if (candle === null) return void reload();
      const at = state.candles.findLastIndex((one) => one.time <= start);
      if (at >= 0 && state.candles[at].time === start) state.candles[at] = candle;
      else if (at === state.candles.length - 1) state.candles.push(candle);
      else return void reload();
      state.plot?.update(candle);
    }
    tell();
    tabulate();
  }

  scope.add(app.store.want({ bars: true }));
  scope.add(app.store.on("ticks", (rows, isLive) => {
    const tick = rows.find((row) => row.symbol === symbol);
    if (!tick) return;
    mark();
    if (state.live && isLive) grow(state.live.addTick(tick));
  }));
  scope.add(app.store.on("bars", (rows) => {
    if (!state.live) return;
    for (const bar of rows) {
      if (bar.symbol !== symbol) continue;
      if (bar.interval === state.interval) {
        const { starts, hole } = state.live.addBar(bar);
        grow(starts);
        if (hole) reload();
      } else if (bar.interval === "1s") grow(state.live.addSecond(bar));
    }
  }));
  scope.add(app.store.on("connection", ({ state: now }) => now === "connected" && reload()));
  scope.add(() => state.plot?.close());
  place.addEventListener("keydown", (event) => {
    if (state.plot && state.candles.length && pressed(event, state)) {
      event.preventDefault();
      event.stopPropagation();
      tell();
      if (state.cursor !== null) spoken.textContent = sentence(state.candles[state.cursor], state.candles[state.cursor - 1]);
    }
  });
  over.replaceChildren(make("div", { class: "skeleton", text: "Loading bars" }));
  if (chosen) begin(chosen);
  else firstKind(app.store, symbol, scope).then((kind) => scope.open && state.interval === null && begin(kind));
  return { element, reload: () => (state.live || state.interval === null ? undefined : load(true)) };
}

// Live seconds of what ticks, days of what does not.
function firstKind(store, symbol, scope) {
  if (store.ticks.has(symbol)) return Promise.resolve("1s");
  return new Promise((resolve) => {
    scope.add(store.on("ticks", (rows) => rows.some((row) => row.symbol === symbol) && resolve("1s")));
    const timer = setTimeout(() => resolve("daily"), FIRST_TICK_MS);
    scope.add(() => clearTimeout(timer));
  });
}

// Returns whether the key is one of ours.
function pressed({ key }, state) {
  const last = state.candles.length - 1;
  const now = state.cursor ?? last + (key === "ArrowLeft" ? 1 : 0);
  const steps = { ArrowLeft: now - 1, ArrowRight: now + 1, PageUp: now - 10, PageDown: now + 10, Home: 0, End: last };
  if (key in steps) {
    state.cursor = Math.max(0, Math.min(last, steps[key]));
    state.plot.point(state.cursor);
  } else if (key === "+" || key === "=") state.plot.zoomBy(0.7);
  else if (key === "-") state.plot.zoomBy(1.4);
  else if (key === "Escape") {
    state.cursor = null;
    state.plot.point(null);
  } else return false;
  return true;
}

function nothing(live, title) {
  return live
    ? empty("No live bars yet", "They appear here as soon as a second of this symbol's ticks is over.")
    : empty(`There are no ${title}`, "None of this symbol have been fetched.");
}

function keys() {
  return make("p", { id: "plot-keys", class: "spoken", text: "Arrow keys, Page Up, Page Down, Home and End read the bars; plus and minus zoom; Escape leaves the bar." });
}

function attribution() {
  const link = make("a", { href: "https://www.tradingview.com/", target: "_blank", rel: "noopener", text: "TradingView" });
  return make("p", { class: "quiet small attribution" }, "Chart: TradingView Lightweight Charts™, Copyright © 2026 TradingView, Inc. ", link);
}

function segments(label, rows, choose) {
  const buttons = new Map(rows.map(([key, text, title]) => [key, make("button", { type: "button", text, title, on: { click: () => choose(key) } })]));
  return {
    element: make("div", { class: "segments", role: "group", "aria-label": label }, ...buttons.values()),
    press: (chosenKey) => buttons.forEach((button, key) => button.setAttribute("aria-pressed", String(key === chosenKey))),
  };
}

// At most once each `ms`; what comes meanwhile is done once, after it.
function throttled(ms, scope, work) {
  let timer = null;
  let again = false;
  const run = () => {
    if (timer !== null) return void (again = true);
    timer = setTimeout(() => {
      timer = null;
      if (again && scope.open) run();
      again = false;
    }, ms);
    return work();
  };
  scope.add(() => clearTimeout(timer));
  return run;
}

function isoDay({ year, month, day }) {
  return `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}
