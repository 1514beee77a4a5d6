// One symbol: what it trades at now, its candles, its newest ticks, what is stored of it, and where each tick comes from.

import { empty, make } from "../make.js";
import { Scope } from "../scope.js";
import { chartPanel } from "./symbol/chart.js";
import { coveragePanel } from "./symbol/coverage.js";
import { factsPanel } from "./symbol/facts.js";
import { fetchButton } from "./symbol/fetching.js";
import { head } from "./symbol/head.js";
import { ticksPanel } from "./symbol/ticks.js";

const SYMBOL = /^[A-Z0-9^][A-Z0-9.\-:^]{0,19}$/; // as pipeline/domain/symbols.py has it
const RELOAD_MS = 1500; // a fetch stores bars in several events

export function open(root, app, params) {
  const scope = new Scope();
  const view = { app, scope, symbol: params.symbol.trim().toUpperCase() };
  root.className = "symbol";
  if (!SYMBOL.test(view.symbol)) {
    root.append(noSymbol(view.symbol));
    return () => scope.close();
  }
  view.symbols = app.api.get("/symbols").then((found) => found.symbols);
  // Whether daily bars are stored: what is not there is not asked for. Not known: asking tells.
  view.daily = view.symbols.then((all) => Boolean(seriesOf(all, view.symbol)), () => true);
  const chart = chartPanel(view);
  const coverage = coveragePanel(view);
  const ticks = ticksPanel(view);
  root.append(head(view), chart.element, make("div", { class: "side" }, factsPanel(view), ticks.element), coverage.element);
  ticks.layers.forEach((layer) => root.append(layer));
  view.symbols.then((symbols) => {
    const known = symbols.some((one) => one.symbol === view.symbol) || app.store.ticks.has(view.symbol);
    if (!scope.open || known) return;
    scope.close();
    root.replaceChildren(unknown(view, root));
  }, () => undefined); // the head says it

  let timer = null;
  scope.add(() => clearTimeout(timer));
  scope.add(app.store.on("events", (events) => {
    if (!events.some((event) => event.symbol === view.symbol && event.kind === "event")) return;
    clearTimeout(timer);
    timer = setTimeout(() => [chart, coverage].forEach((part) => part.reload()), RELOAD_MS);
  }));
  return () => view.scope.close();
}

function seriesOf(all, symbol) {
  return all.find((one) => one.symbol === symbol)?.series.find((series) => series.interval === "daily");
}

function noSymbol(text) {
  return make("div", { class: "panel" }, empty(
    `“${text.slice(0, 40)}” is no symbol`,
    "A symbol has 1 to 20 characters out of A–Z, 0–9, “.”, “-”, “:” and “^”, and begins with a letter, a digit or “^”.",
    make("a", { class: "button", href: "/", text: "To the board" }),
  ));
}

function unknown(view, root) {
  view.scope = new Scope();
  const { app, symbol } = view;
  const text = app.user.mayFetch
    ? "No bars of it are stored, and it is not on the watchlist. A fetch asks Alpha Vantage for it; that costs one of the day's requests."
    : "No bars of it are stored, and it is not on the watchlist. Who is signed in can fetch it.";
  const again = () => root.isConnected && app.go(`/symbols/${encodeURIComponent(symbol)}`);
  return make("div", { class: "panel" }, make("h1", { class: "spoken", text: symbol }), empty(
    `Nothing is known of ${symbol}`, text,
    make("div", { class: "row" }, app.user.mayFetch ? fetchButton(view, again) : "", make("a", { class: "button", href: "/", text: "To the board" })),
  ));
}
