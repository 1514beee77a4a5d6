// Times as text. Days are those of New York, as stored bars name them; moments are UTC, and whoever shows one says so.

import { DASH } from "./text.js";

const LONG_DAY = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" });
const TITLES = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });

// "2026-03-31" -> "Tue, 31 Mar 2026"
export function longDay(day) {
  return known(day) ? LONG_DAY.format(new Date(day)) : DASH;
}

// "2026-03-31" -> "31 Mar 2026"
export function shortDay(day) {
  return known(day) ? TITLES.format(new Date(day)) : DASH;
}

// "2026-11-26T14:02:03.123Z" -> "14:02:03.123"; `digits` of the second.
export function clock(moment, digits = 3) {
  return known(moment) ? new Date(moment).toISOString().slice(11, digits === 0 ? 19 : 20 + digits) : DASH;
}

// "2026-11-26 14:02:03"
export function dayAndClock(moment, digits = 0) {
  return known(moment) ? `${new Date(moment).toISOString().slice(0, 10)} ${clock(moment, digits)}` : DASH;
}

// How long, in the two largest units that say something: "412 ms", "3.2 s", "4 min 10 s", "5 h 3 min", "12 days".
export function elapsed(ms) {
  const size = Math.abs(ms);
  if (size < 1000) return `${Math.round(size)} ms`;
  if (size < 60_000) return `${(size / 1000).toFixed(size < 10_000 ? 1 : 0)} s`;
  if (size < 3_600_000) return `${Math.floor(size / 60_000)} min ${Math.floor((size % 60_000) / 1000)} s`;
  if (size < 86_400_000) return `${Math.floor(size / 3_600_000)} h ${Math.floor((size % 3_600_000) / 60_000)} min`;
  const days = Math.floor(size / 86_400_000);
  return `${days} ${days === 1 ? "day" : "days"}`;
}

function known(moment) {
  return moment !== null && moment !== undefined && !Number.isNaN(new Date(moment).getTime());
}
