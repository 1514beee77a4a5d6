// What the page knows, as it came over the connection; views read it and are told of changes.

const MOST_EVENTS = 200;
export const SPARK = 60; // samples a symbol, one a second

export class Store {
  constructor() {
    this.ticks = new Map(); // symbol -> newest tick
    this.tickedAt = new Map(); // symbol -> performance.now() of its last live tick
    this.sparks = new Map(); // symbol -> the prices of the last minute, one a second, as far as they were seen
    this.stages = [];
    this.events = []; // newest first
    this.connection = { state: "connecting", words: "connecting" };
    this.clock = null; // {offsetMs, roundTripMs}: server time is Date.now() + offsetMs
    this.skipped = 0; // frames that this browser was too slow for
    this.listeners = new Map();
    this.wanted = new Map(); // topic -> how many views want it
    this.onWanted = () => {};
    setInterval(() => this.sample(), 1000);
  }

  on(topic, listener) {
    const set = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, set.add(listener));
    return () => set.delete(listener);
  }

  tell(topic, ...values) {
    for (const listener of this.listeners.get(topic) ?? []) listener(...values);
  }

  // A topic beyond those that are always there, e.g. {bars: true}; returns the function that ends it.
  want(topics) {
    const names = Object.keys(topics).filter((name) => topics[name]);
    for (const name of names) this.wanted.set(name, (this.wanted.get(name) ?? 0) + 1);
    this.onWanted();
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      for (const name of names) this.wanted.set(name, this.wanted.get(name) - 1);
      this.onWanted();
    };
  }

  get topics() {
    const more = [...this.wanted].filter(([, count]) => count > 0).map(([name]) => name);
    return ["ticks", "stages", "events", ...more].sort();
  }

  frame(frame) {
    const live = frame.type !== "snapshot";
    this.skipped += live ? (frame.skipped ?? 0) : 0;
    if (frame.ticks) this.addTicks(frame.ticks, live);
    if (frame.bars) this.tell("bars", frame.bars);
    if (frame.stages) {
      this.stages = frame.stages;
      this.tell("stages", frame.stages);
    }
    if (frame.events) this.addEvents(frame.events);
  }

  addTicks(rows, live) {
    const now = performance.now();
    for (const tick of rows) {
      this.ticks.set(tick.symbol, tick);
      if (live) this.tickedAt.set(tick.symbol, now);
    }
    this.tell("ticks", rows, live);
  }

  addEvents(rows) {
    const known = new Set(this.events.map((event) => event.id));
    const fresh = rows.filter((event) => !known.has(event.id));
    if (fresh.length === 0) return;
    this.events = [...fresh, ...this.events].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, MOST_EVENTS);
    this.tell("events", fresh);
  }

  sample() {
    if (this.connection.state !== "connected") return;
    for (const [symbol, tick] of this.ticks) {
      const spark = this.sparks.get(symbol) ?? [];
      spark.push(tick.price);
      if (spark.length > SPARK) spark.shift();
      this.sparks.set(symbol, spark);
    }
  }

  // What was there before this page: `closes`, one a second, the newest last.
  recall(symbol, closes) {
    const seen = this.sparks.get(symbol) ?? [];
    this.sparks.set(symbol, [...closes.slice(0, Math.max(0, closes.length - seen.length)), ...seen].slice(-SPARK));
  }

  serverNow() {
    return this.clock === null ? null : Date.now() + this.clock.offsetMs;
  }
}
