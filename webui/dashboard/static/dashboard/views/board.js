// The start view: what the whole stream does, and every symbol. Only the rows that are seen are drawn.

import { empty, make } from "../make.js";
import { Rows } from "./board/rows.js";
import { Strip } from "./board/strip.js";
import { Tiles } from "./board/tiles.js";
import { COLUMNS, ordered, shown } from "./board/columns.js";

const SORT_MS = 1000; // rows change their places at most once a second: a row that is being read does not run away

export function open(root, app) {
  root.className = "board";
  const state = { sort: "symbol", down: false, filter: "all", text: "" };
  const tiles = new Tiles(app.store);
  const strip = new Strip(app.store);
  const { bar, count, search } = tools(state, () => arrange());
  const head = make("tr", { role: "row" }, ...COLUMNS.map((column) => heading(column, state, () => arrange())));
  const rows = new Rows(app.store, app.api);
  const table = make("table", { "aria-label": "Last prices" }, make("thead", {}, head), rows.body);
  const scroll = make("div", { class: "panel scroll", tabindex: "0", role: "region", "aria-label": "Last prices" }, table);
  const nothing = empty("No tick yet", "The board fills as soon as five symbols have bars. The way shows what is being waited for.",
    make("p", {}, make("a", { href: "/way", text: "See the way" })));
  root.append(make("h1", { class: "spoken", text: "Board" }), tiles.element, strip.element, bar, scroll, nothing, make("p", {
    class: "small quiet note", text: "Ticks are simulated inside stored bars. Change is against the close of the bar before, or the first bar's open. A dash stands for what is not measured; a dimmed symbol has not ticked for 3 s.",
  }));
  rows.attach(scroll);

  function arrange() {
    const symbols = ordered(app.store, state);
    const all = app.store.ticks.size;
    scroll.hidden = bar.hidden = all === 0;
    nothing.hidden = all > 0;
    count.textContent = symbols.length === all ? `${all} symbols` : `${symbols.length} of ${all} symbols`;
    for (const cell of head.children) {
      const sorted = cell.dataset.column === state.sort;
      if (sorted) cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
    rows.order(symbols);
  }

  const timer = setInterval(arrange, SORT_MS);
  const slash = (event) => {
    if (event.key !== "/" || event.target.closest("input, select, textarea, dialog")) return;
    event.preventDefault();
    search.focus();
  };
  document.addEventListener("keydown", slash);
  const ends = [
    app.store.on("ticks", (ticks, live) => {
      if (ticks.some((tick) => !shown(rows, tick.symbol))) arrange();
      rows.ticked(ticks, live);
    }),
    () => clearInterval(timer),
    () => document.removeEventListener("keydown", slash),
    () => tiles.close(),
    () => strip.close(),
    () => rows.close(),
  ];
  arrange();
  return () => ends.forEach((end) => end());
}

function tools(state, changed) {
  const count = make("p", { class: "quiet small", role: "status" });
  const search = make("input", {
    type: "search", placeholder: "Search symbols ( / )", "aria-label": "Search symbols", autocomplete: "off", spellcheck: "false",
    on: { input: (event) => { state.text = event.target.value.trim().toUpperCase(); changed(); } },
  });
  const choices = [["all", "All"], ["up", "▲ Rising"], ["down", "▼ Falling"], ["old", "Not ticking"]];
  const filter = make("div", { class: "segments", role: "group", "aria-label": "Filter" }, ...choices.map(([value, text]) =>
    make("button", { type: "button", text, "aria-pressed": String(state.filter === value), on: { click: (event) => {
      state.filter = value;
      for (const button of filter.children) button.setAttribute("aria-pressed", String(button === event.currentTarget));
      changed();
    } } })));
  return { bar: make("div", { class: "tools" }, search, filter, count), count, search };
}

function heading({ name, title, hint, number, wide }, state, changed) {
  const button = make("button", { type: "button", text: title, title: hint, on: { click: () => {
    state.down = state.sort === name ? !state.down : number === true;
    state.sort = name;
    changed();
  } } });
  return make("th", { scope: "col", class: `${number ? "number" : ""} ${wide ? "wide" : ""}`, "data-column": name }, ...(name === "spark" ? [make("span", { text: title, title: hint })] : [button]));
}
