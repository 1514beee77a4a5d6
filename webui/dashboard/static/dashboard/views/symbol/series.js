// Which bars the chart can show, and where they come from: stored ones of days, weeks and months, live ones of a minute and a second.

import { barDate } from "../../text.js";
import { LiveCandles } from "./live_candles.js";

const MOST_STORED = 10_000; // the API's own limit
const MOST_LIVE = 600;

// `ranges`: names, and how many of the newest bars they show; null: all. The second is what is shown first.
export const KINDS = {
  "1s": { name: "1 s", title: "live bars of a second", live: true, ranges: [["1 min", 60], ["5 min", 300], ["30 min", 1800], ["All", null]], first: "1 min" },
  "1min": { name: "1 min", title: "live bars of a minute", live: true, ranges: [["5 min", 5], ["30 min", 30], ["All", null]], first: "30 min" },
  daily: { name: "Day", title: "stored daily bars", live: false, ranges: [["1 M", 21], ["3 M", 63], ["1 Y", 252], ["All", null]], first: "3 M" },
  weekly: { name: "Week", title: "stored weekly bars", live: false, ranges: [["3 M", 13], ["1 Y", 52], ["All", null]], first: "1 Y" },
  monthly: { name: "Month", title: "stored monthly bars", live: false, ranges: [["1 Y", 12], ["5 Y", 60], ["All", null]], first: "All" },
};

// Stored bars, ascending; empty when there are none. Raises ApiError.
export async function storedBars(api, symbol, interval, limit = MOST_STORED) {
  const rows = await orNothing(api.get(`/bars/${encodeURIComponent(symbol)}`, { interval, limit }));
  return rows.map(({ time, open, high, low, close, volume, synthetic, forming, source }) => ({
    time: barDate(time), open, high, low, close, volume, synthetic, forming, source,
  }));
}

// Candles out of what is kept of the live bars, of a symbol that `ticks`; the caller adds what comes after. Raises ApiError.
export async function liveCandles(api, symbol, interval, ticks, candles = new LiveCandles(interval)) {
  if (!ticks) return candles;
  const path = `/bars/${encodeURIComponent(symbol)}`;
  const kept = (of) => orNothing(api.get(path, { interval: of, live: true, limit: MOST_LIVE }));
  const [bars, seconds] = await Promise.all([kept(interval), interval === "1s" ? [] : kept("1s")]);
  candles.load(bars);
  for (const second of seconds) candles.addSecond(second);
  return candles;
}

async function orNothing(asked) {
  try {
    return (await asked).bars;
  } catch (error) {
    if (error.status === 404) return [];
    throw error;
  }
}
