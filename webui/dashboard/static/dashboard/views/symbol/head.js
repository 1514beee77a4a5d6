// The head: which symbol, what it trades at by its newest tick, and the day of the bar that is played.

import { make } from "../../make.js";
import { longDay } from "../../moments.js";
import { barDate, direction, percent, price, signed } from "../../text.js";
import { storedBars } from "./series.js";

const ARROWS = { up: "▲", down: "▼", "": "■" };
const WORDS = { up: "up", down: "down", "": "unchanged" };
const SOURCES = { simulator: "the Alpha Vantage simulator", alphavantage: "Alpha Vantage" };
const OLD_MS = 3000; // a symbol that has not ticked for so long is shown dimmed

export function head({ app, scope, symbol, symbols, daily }) {
  const name = make("p", { class: "company", id: "company-name" });
  const last = make("p", { class: "last number", text: "–" });
  const arrow = make("span", { class: "arrow", "aria-hidden": "true" });
  const word = make("span", { class: "spoken" });
  const change = make("span", {});
  const against = make("span", { class: "against small quiet", text: "against the close before" });
  const move = make("p", { class: "move" }, arrow, word, change);
  const pill = make("span", { class: "pill", "data-level": "warn", text: "simulated ticks" });
  const playing = make("p", { class: "playing" });
  const links = neighbours();
  const element = make(
    "header", { class: "panel head-of" },
    make("div", { class: "who" }, make("h1", { text: symbol }), name), links.element,
    make("div", { class: "now" }, last, move, against), make("div", { class: "told" }, pill, playing),
  );
  let stored = null; // the newest daily bars, for when nothing ticks

  function show() {
    const tick = app.store.ticks.get(symbol);
    if (!tick) return showStored();
    pill.hidden = false;
    last.textContent = price(tick.price);
    last.title = String(tick.price);
    showMove(tick.change, tick.change_percent);
    against.textContent = tick.previous_close === null ? "against the first bar's open" : "against the close before";
    const day = longDay(barDate(tick.bar_time));
    playing.textContent = `playing the bar of ${day}, from ${SOURCES[tick.source] ?? tick.source}`;
    return old();
  }

  function showMove(by, percents) {
    const way = direction(percents);
    const known = percents !== null && percents !== undefined;
    move.className = `move ${way}`;
    arrow.textContent = known ? ARROWS[way] : "";
    word.textContent = known ? WORDS[way] : "";
    against.hidden = !known;
    change.textContent = known ? `${signed(by, 2)} (${percent(percents)})` : "no close before it is known";
  }

  function showStored() {
    pill.hidden = true;
    if (stored === null) return void (playing.textContent = "no tick of it has come yet");
    const [before, newest] = stored.length > 1 ? stored : [null, stored[0]];
    if (!newest) return void (playing.textContent = "no tick of it has come yet, and no bar is stored");
    last.textContent = price(newest.close);
    against.textContent = "against the close before";
    showMove(before && newest.close - before.close, before && ((newest.close - before.close) / before.close) * 100);
    playing.textContent = `not ticking; the close of ${longDay(newest.time)}`;
  }

  function old() {
    const at = app.store.tickedAt.get(symbol);
    element.classList.toggle("old", at === undefined || performance.now() - at > OLD_MS);
  }

  scope.add(app.store.on("ticks", (rows) => rows.some((row) => row.symbol === symbol) && show()));
  scope.every(1000, old);
  show();
  daily.then((there) => (there ? storedBars(app.api, symbol, "daily", 2) : [])).then((bars) => {
    stored = bars;
    if (scope.open) show();
  }, () => undefined);
  symbols.then((all) => scope.open && links.show(all, symbol), () => (playing.textContent = "the list of symbols could not be read"));
  scope.listen(document, "keydown", (event) => {
    const modified = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    if (modified || event.defaultPrevented || event.target.closest("input, select, textarea, dialog, [tabindex='0'], summary")) return;
    const link = { ArrowLeft: links.previous, ArrowRight: links.next }[event.key];
    if (link?.getAttribute("href")) link.click();
  });
  return element;
}

// Links to the watchlist's symbols before and after; the places are there before the symbols are known.
function neighbours() {
  const previous = make("a", { class: "button", rel: "prev", text: "←" });
  const next = make("a", { class: "button", rel: "next", text: "→" });
  const element = make("nav", { class: "neighbours", "aria-label": "Other symbols of the watchlist" }, previous, next);
  return {
    element, previous, next,
    show(all, symbol) {
      const watched = all.filter((one) => one.watched || one.symbol === symbol).map((one) => one.symbol);
      const names = watched.length > 1 ? watched : all.map((one) => one.symbol);
      const at = names.indexOf(symbol);
      if (at < 0 || names.length < 2) return;
      point(previous, names.at(at - 1), `← ${names.at(at - 1)}`);
      point(next, names[(at + 1) % names.length], `${names[(at + 1) % names.length]} →`);
    },
  };
}

function point(link, symbol, text) {
  link.href = `/symbols/${encodeURIComponent(symbol)}`;
  link.textContent = text;
}
