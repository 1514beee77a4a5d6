// Live candles of one symbol and interval, out of what comes over the connection: no part of one is made up.
//
// A finished bar (docs/bar.schema.json) is final. Ticks that no finished bar has yet are pieces, which the bar replaces when it
// comes; of a minute, finished seconds are pieces too. A window in which one stored bar ends and the next begins has several
// bars: they are drawn as one candle.

export const SECONDS = { "1s": 1, "1min": 60 };
const MOST = 3600; // windows kept

export class LiveCandles {
  constructor(interval) {
    this.length = SECONDS[interval];
    this.finals = new Map(); // start of the window -> its finished bars, in order
    this.pieces = []; // in order
    this.last = null; // the newest finished bar
  }

  // Finished bars as the API has them, ascending; they may overlap with what is known.
  load(rows) {
    for (const row of rows) this.keep(finished(row));
    this.forget();
  }

  // A finished bar of this interval. Returns the windows that changed, and whether bars before it are missing here.
  addBar(row) {
    const bar = finished(row);
    const before = this.last;
    const changed = new Set([...this.pieces.map((piece) => piece.start), bar.start]);
    this.keep(bar);
    this.forget();
    return { starts: ascending(changed), hole: before !== null && before.session === bar.session && bar.first > before.last + 1 };
  }

  // A finished second, as a part of a longer window. Returns the windows that changed.
  addSecond(row) {
    const second = finished(row);
    const known = this.pieces.some((piece) => !piece.ticking && piece.session === second.session && piece.first === second.first);
    if (known || this.isPast(second.session, second.last)) return [];
    const replaced = (piece) => piece.ticking && piece.session === second.session && piece.last <= second.last;
    const changed = new Set(this.pieces.filter(replaced).map((piece) => piece.start));
    this.pieces = this.pieces.filter((piece) => !replaced(piece));
    const start = Math.max(this.windowOf(second.start), this.last?.session === second.session ? this.last.start : 0);
    this.pieces.push({ ...second, start });
    this.pieces.sort(byNumber);
    return ascending(changed.add(start));
  }

  // Returns the windows that changed.
  addTick({ session, seq, price, size, bar_time: bar, event_time }) {
    const newest = this.pieces.at(-1) ?? this.last;
    const before = newest?.session === session ? newest : null;
    if (before ? seq <= before.last : newest && session < newest.session) return [];
    const second = Math.floor(Date.parse(event_time) / 1000);
    const exact = seq === (before?.last ?? 0) + 1;
    if (before?.ticking && before.bar === bar && second <= before.second) {
      before.high = Math.max(before.high, price);
      before.low = Math.min(before.low, price);
      Object.assign(before, { close: price, last: seq, volume: before.volume + size, exact: before.exact && exact });
      return [before.start];
    }
    // A late tick joins the window that its symbol is in, as it does in the finished bar.
    const start = Math.max(this.windowOf(second), before?.start ?? 0);
    const prices = { open: price, high: price, low: price, close: price };
    this.pieces.push({ ...prices, start, second, session, bar, first: seq, last: seq, volume: size, exact, ticking: true });
    return [start];
  }

  // The candle of a window, or null. `forming`: no finished bar has all of it yet; `exact`: every tick of it so far was seen.
  candle(start) {
    const parts = [...(this.finals.get(start) ?? []), ...this.pieces.filter((piece) => piece.start === start)];
    if (parts.length === 0) return null;
    const forming = this.pieces.some((piece) => piece.start === start);
    return {
      time: start,
      open: parts[0].open,
      high: Math.max(...parts.map((part) => part.high)),
      low: Math.min(...parts.map((part) => part.low)),
      close: parts.at(-1).close,
      volume: parts.reduce((sum, part) => sum + part.volume, 0),
      bar: parts.at(-1).bar,
      forming,
      exact: parts.every((part) => part.exact),
    };
  }

  // All candles, ascending.
  candles() {
    const starts = new Set([...this.finals.keys(), ...this.pieces.map((piece) => piece.start)]);
    return ascending(starts).map((start) => this.candle(start));
  }

  windowOf(second) {
    return second - (second % this.length);
  }

  isPast(session, seq) {
    return this.last !== null && (session < this.last.session || (session === this.last.session && seq <= this.last.last));
  }

  keep(bar) {
    const there = this.finals.get(bar.start) ?? [];
    if (there.some((one) => one.session === bar.session && one.first === bar.first)) return;
    this.finals.set(bar.start, [...there, bar].sort(byNumber));
    if (!this.isPast(bar.session, bar.last)) this.last = bar;
    this.pieces = this.pieces.filter((piece) => !this.isPast(piece.session, piece.last));
  }

  forget() {
    if (this.finals.size <= MOST) return;
    for (const start of ascending(this.finals.keys()).slice(0, this.finals.size - MOST)) this.finals.delete(start);
  }
}

// A bar of the API (`time`) or of a frame (`start`).
function finished(row) {
  const { open, high, low, close, volume, session, bar_time: bar } = row;
  const start = Date.parse(row.start ?? row.time) / 1000;
  return { start, session, bar, open, high, low, close, volume, first: row.first_seq, last: row.last_seq, exact: true };
}

function byNumber(a, b) {
  return a.session === b.session ? a.first - b.first : a.session < b.session ? -1 : 1;
}

function ascending(starts) {
  return [...starts].sort((a, b) => a - b);
}
