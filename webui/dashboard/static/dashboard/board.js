// The table of last prices. Rows are made once a symbol and then only their texts change.

import { barDate, direction, percent, price, signed, whole } from "./text.js";

const OLD_MS = 3000; // a symbol that has not ticked for this long is shown dimmed
const COLUMNS = ["last", "change", "percent", "size", "seq", "bar", "session"];

export class Board {
  constructor(body) {
    this.body = body;
    this.rows = new Map();
    this.ticks = new Map(); // symbol -> newest tick
    setInterval(() => this.dim(), 500);
  }

  // `live`: the ticks come just now, not from a snapshot.
  update(ticks, live) {
    for (const tick of ticks) {
      this.ticks.set(tick.symbol, tick);
      const row = this.rows.get(tick.symbol) ?? this.add(tick.symbol);
      if (live) row.tickedAt = performance.now();
      this.show(row.cells, tick);
    }
    this.dim();
  }

  dim() {
    const now = performance.now();
    for (const { element, tickedAt } of this.rows.values()) element.classList.toggle("old", now - tickedAt > OLD_MS);
  }

  add(symbol) {
    if (this.rows.size === 0) this.body.replaceChildren();
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = symbol;
    row.append(head);
    const cells = {};
    for (const name of COLUMNS) {
      const cell = document.createElement("td");
      if (name !== "bar" && name !== "session") cell.classList.add("number");
      if (name === "last") cell.classList.add("last");
      if (name === "session" || name === "seq" || name === "size") cell.classList.add("quiet");
      row.append(cell);
      cells[name] = cell;
    }
    const after = [...this.body.children].find((other) => other.firstElementChild.textContent > symbol);
    this.body.insertBefore(row, after ?? null);
    const made = { element: row, cells, tickedAt: -Infinity };
    this.rows.set(symbol, made);
    return made;
  }

  show(cells, tick) {
    const way = direction(tick.change);
    cells.last.textContent = price(tick.price);
    cells.last.title = String(tick.price);
    cells.change.textContent = signed(tick.change, 2);
    cells.percent.textContent = percent(tick.change_percent);
    for (const cell of [cells.change, cells.percent]) {
      cell.classList.toggle("up", way === "up");
      cell.classList.toggle("down", way === "down");
    }
    cells.size.textContent = whole(tick.size);
    cells.seq.textContent = whole(tick.seq);
    cells.bar.textContent = barDate(tick.bar_time);
    cells.session.textContent = tick.session;
  }
}
