// A coverage as days of a calendar: each weekday of each year with its state.

const DAY_MS = 86_400_000;
export const REASONS = {
  not_listed: "not listed yet", delisted: "no longer listed", premium: "not in the key's plan",
  unknown_symbol: "unknown to Alpha Vantage", no_data: "Alpha Vantage has no data",
};

// [{year, days: [{day, column, row, state, reason}], counts}], the newest year first. Column: the week of the year; row: Monday is 0.
// States: stored, missing, unfillable, closed (no session), outside (before the first bar, or not over yet).
export function years({ since, until, missing, unfillable, closures }) {
  const closed = new Set(closures);
  const found = [];
  for (let year = Number(until.slice(0, 4)); year >= Number(since.slice(0, 4)); year -= 1) {
    const days = [];
    const counts = { stored: 0, missing: 0, unfillable: 0 };
    for (const { day, column, row } of weekdays(year)) {
      const cell = { day, column, row, ...stateOf(day) };
      if (cell.state in counts) counts[cell.state] += 1;
      days.push(cell);
    }
    found.push({ year, days, counts });
  }
  return found;

  function stateOf(day) {
    if (day < since || day > until) return { state: "outside" };
    if (closed.has(day)) return { state: "closed" };
    if (within(missing, day)) return { state: "missing" };
    const entry = within(unfillable, day);
    return entry ? { state: "unfillable", reason: REASONS[entry.reason] ?? entry.reason } : { state: "stored" };
  }
}

// The columns in which the months begin, for their names.
export function monthColumns(year) {
  return Array.from({ length: 12 }, (_, month) => columnOf(Date.UTC(year, month, 1)));
}

export function inWords({ state, reason }) {
  return { stored: "stored", missing: "missing", unfillable: `cannot be had: ${reason}`, closed: "no session", outside: "outside what is told" }[state];
}

function* weekdays(year) {
  for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += DAY_MS) {
    const row = weekday(at);
    if (row < 5) yield { day: new Date(at).toISOString().slice(0, 10), column: columnOf(at), row };
  }
}

function columnOf(at) {
  const first = Date.UTC(new Date(at).getUTCFullYear(), 0, 1);
  return Math.floor(((at - first) / DAY_MS + weekday(first)) / 7);
}

function weekday(at) {
  return (new Date(at).getUTCDay() + 6) % 7;
}

// Days are texts of one form, so they compare as they are.
function within(spans, day) {
  return spans.find((span) => span.first <= day && day <= span.last);
}
