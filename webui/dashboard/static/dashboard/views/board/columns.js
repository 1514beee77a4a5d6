// The board's columns, and which symbols it shows in which order.

import { barDate, direction, percent, price, signed, whole } from "../../text.js";

export const OLD_MS = 3000; // a symbol that has not ticked for this long is shown dimmed

// `value` is what is sorted by, `text` what is shown; `wide`: left out on a narrow screen.
export const COLUMNS = [
  { name: "symbol", title: "Symbol", value: (tick) => tick.symbol, text: (tick) => tick.symbol },
  { name: "spark", title: "Last minute", hint: "Prices seen in the last minute, one a second" },
  { name: "last", title: "Last", number: true, value: (tick) => tick.price, text: (tick) => price(tick.price) },
  { name: "change", title: "Change", hint: "Against the close of the bar before; of the first bar, against its open", number: true, value: (tick) => tick.change, text: (tick) => signed(tick.change, 2) },
  { name: "percent", title: "Change %", hint: "Against the close of the bar before; of the first bar, against its open", number: true, value: (tick) => tick.change_percent, text: (tick) => percent(tick.change_percent) },
  { name: "volume", title: "Volume", hint: "Shares of the bar that have passed so far; a dash where its beginning was not seen", number: true, wide: true, value: (tick) => tick.bar_volume, text: (tick) => whole(tick.bar_volume) },
  { name: "size", title: "Size", hint: "Shares of the last tick", number: true, wide: true, value: (tick) => tick.size, text: (tick) => whole(tick.size) },
  { name: "seq", title: "Tick no.", hint: "Number of the tick within its session: 1, 2, 3 … without a gap", number: true, wide: true, value: (tick) => tick.seq, text: (tick) => whole(tick.seq) },
  { name: "bar", title: "Bar of", hint: "Date of the real bar that is being played", wide: true, value: (tick) => tick.bar_time, text: (tick) => barDate(tick.bar_time) },
];

const FILTERS = {
  all: () => true,
  up: (tick) => direction(tick.change) === "up",
  down: (tick) => direction(tick.change) === "down",
  old: (tick, store) => old(tick.symbol, store),
};

export function old(symbol, store) {
  return performance.now() - (store.tickedAt.get(symbol) ?? -Infinity) > OLD_MS;
}

// The symbols that the filter and the search leave, in the order that is wished for; unknown values come last.
export function ordered(store, { sort, down, filter, text }) {
  const { value } = COLUMNS.find((column) => column.name === sort);
  const rows = [...store.ticks.values()].filter((tick) => tick.symbol.includes(text) && FILTERS[filter](tick, store));
  const sign = down ? -1 : 1;
  const compare = (a, b) => {
    const [x, y] = [value(a) ?? null, value(b) ?? null];
    if (x === null || y === null) return (x === null) - (y === null) || (a.symbol < b.symbol ? -1 : 1);
    return x < y ? -sign : x > y ? sign : a.symbol < b.symbol ? -1 : 1;
  };
  return rows.sort(compare).map((tick) => tick.symbol);
}

// Whether a symbol has been taken into account since it first ticked.
export function shown(rows, symbol) {
  return rows.known.has(symbol);
}
