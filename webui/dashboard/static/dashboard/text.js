// Figures as text. What is not measured is a dash, never a zero.

export const DASH = "–";

// Made once each: `toLocaleString` makes one at every call, and a board of figures is hundreds of calls a second.
const formats = (least) => Array.from({ length: 5 }, (_, digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: least ? digits : 0, maximumFractionDigits: digits }));
const EXACTLY = formats(true);
const UP_TO = formats(false);

const known = (value) => typeof value === "number" && Number.isFinite(value);

// Two decimals, as exchanges show them; four below one dollar. The board's tooltip has the whole price.
export function price(value) {
  if (!known(value)) return DASH;
  return EXACTLY[Math.abs(value) < 1 ? 4 : 2].format(value);
}

export function signed(value, digits) {
  if (!known(value)) return DASH;
  return `${{ up: "+", down: "−" }[direction(value, digits)] ?? ""}${EXACTLY[digits].format(Math.abs(value))}`;
}

export function percent(value) {
  return known(value) ? `${signed(value, 2)} %` : DASH;
}

export function whole(value) {
  return known(value) ? UP_TO[0].format(value) : DASH;
}

export function figure(value) {
  return known(value) ? UP_TO[Math.abs(value) < 100 ? 1 : 0].format(value) : DASH;
}

// "up", "down" or "": what rounds to zero has no direction.
export function direction(value, digits = 2) {
  if (!known(value) || Math.abs(value) < 0.5 * 10 ** -digits) return "";
  return value > 0 ? "up" : "down";
}

// A daily bar starts at midnight in New York; its date is New York's.
const NEW_YORK = new Intl.DateTimeFormat("en-CA", { timeZone: "America/New_York", dateStyle: "short" });

const barDates = new Map(); // few are asked for again and again

export function barDate(text) {
  let date = barDates.get(text);
  if (date === undefined) {
    const time = new Date(text);
    date = Number.isNaN(time.getTime()) ? DASH : NEW_YORK.format(time);
    if (barDates.size > 100) barDates.clear();
    barDates.set(text, date);
  }
  return date;
}

const SAME_DAY = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const OTHER_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

// A time of RFC 3339 in this browser's time zone: the clock today, with the date otherwise.
export function moment(text) {
  const time = new Date(text ?? NaN);
  if (Number.isNaN(time.getTime())) return DASH;
  return (time.toDateString() === new Date().toDateString() ? SAME_DAY : OTHER_DAY).format(time);
}
