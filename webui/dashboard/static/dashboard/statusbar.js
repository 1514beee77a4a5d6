// The line at the bottom: how the connection stands, how old a tick is when it is seen, and what the data is.

import { barDate, DASH, whole } from "./text.js";

const QUOTA_MS = 60000;
const SOURCES = { simulator: "the simulator's bars", alphavantage: "real bars of Alpha Vantage" };
const WINDOW = 50; // frames whose latency is looked at

export class StatusBar {
  constructor(element, notice, spoken, store, api) {
    this.notice = notice;
    this.spoken = spoken;
    this.store = store;
    this.api = api;
    this.at = (name) => element.querySelector(`[data-show=${name}]`);
    this.latencies = [];
    store.on("connection", (connection) => this.connection(connection));
    store.on("ticks", (rows, live) => live && this.measure(rows));
    setInterval(() => this.show(), 1000);
    setInterval(() => this.quota(), QUOTA_MS);
    this.connection(store.connection);
    this.quota();
  }

  connection({ state, words }) {
    const box = this.at("connection");
    // Spoken once a change of state; the visible words count seconds.
    if (box.parentElement.dataset.state !== state) this.spoken.textContent = `Live data: ${state}`;
    box.parentElement.dataset.state = state;
    box.textContent = words;
    document.body.classList.toggle("old", state !== "connected");
    const told = state === "stale" || state === "reconnecting";
    this.notice.hidden = !told;
    this.notice.dataset.state = state;
    if (told) this.notice.textContent = `What you see is not live: ${words}. It goes on by itself.`;
  }

  // From the moment a tick was planned for to its frame being taken here, by the server's clock.
  measure(rows) {
    const now = this.store.serverNow();
    if (now === null || rows.length === 0) return;
    // The oldest; times of RFC 3339 in UTC sort as texts.
    const oldest = rows.reduce((time, tick) => (tick.event_time < time ? tick.event_time : time), rows[0].event_time);
    this.latencies.push(now - Date.parse(oldest));
    if (this.latencies.length > WINDOW) this.latencies.shift();
  }

  show() {
    const ordered = [...this.latencies].sort((a, b) => a - b);
    const live = this.store.connection.state === "connected" && ordered.length > 0;
    this.at("latency").textContent = live ? `${whole(Math.max(0, ordered[Math.floor(ordered.length / 2)]))} ms` : DASH;
    const clock = this.store.clock;
    this.at("latency").parentElement.title = clock === null
      ? "Not measured: the server has not answered a ping yet"
      : `Median of the last ${WINDOW} frames, from the tick's planned time until it came here; the board shows it within 100 ms more. Clocks differ by ${whole(clock.offsetMs)} ms, measured within ${whole(clock.roundTripMs / 2)} ms`;
    this.at("skipped").textContent = whole(this.store.skipped);
    const ticks = [...this.store.ticks.values()];
    const dates = [...new Set(ticks.map((tick) => barDate(tick.bar_time)))].sort();
    this.at("dates").textContent = dates.length === 0 ? DASH : dates.length === 1 ? dates[0] : `${dates[0]} … ${dates.at(-1)}`;
    const source = ticks.at(-1)?.source;
    this.at("source").textContent = source ? `simulated ticks inside ${SOURCES[source] ?? source}` : "simulated ticks";
  }

  async quota() {
    if (document.hidden) return;
    try {
      const quota = await this.api.get("/quota");
      this.at("quota").textContent = quota.per_day === null ? `${whole(quota.used)} used` : `${whole(quota.left)} of ${whole(quota.per_day)} left`;
    } catch {
      this.at("quota").textContent = DASH;
    }
  }
}
