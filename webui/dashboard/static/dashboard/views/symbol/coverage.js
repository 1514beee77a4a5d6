// Which sessions of the daily bars are stored, as a calendar: a year a block, a week a column.

import { empty, make } from "../../make.js";
import { longDay } from "../../moments.js";
import { whole } from "../../text.js";
import { inWords, monthColumns, years } from "./days.js";
import { fetchButton } from "./fetching.js";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const FEW_YEARS = 3; // shown at once
const FEW_SPANS = 6;
const LOOK_MS = 2000;
const LEGEND = [["stored", "stored"], ["missing", "missing"], ["unfillable", "cannot be had"], ["closed", "no session"]];

export function coveragePanel(view) {
  const { app, scope, symbol } = view;
  const body = make("div", { class: "body" }, make("div", { class: "skeleton calendar-space", text: "Loading" }));
  const element = make("section", { class: "panel coverage", "aria-labelledby": "coverage-title" }, make("h2", { id: "coverage-title", text: "Stored days" }), body);
  let all = false; // every year is shown

  // Not at once but `again`: something has been stored since the view was opened.
  async function load(again = false) {
    try {
      if (!again && !(await view.daily)) return void body.replaceChildren(none());
      const found = await app.api.get(`/coverage/${encodeURIComponent(symbol)}`);
      if (scope.open) show(found);
    } catch (error) {
      if (scope.open) body.replaceChildren(error.status === 404 ? none() : failed(error));
    }
  }

  function none() {
    const ways = app.user.mayFetch ? [fetchButton(view, () => load(true))] : [];
    return empty(`No daily bars of ${symbol} are stored`, "A fetch brings them; then each of its days is shown here.", ...ways);
  }

  function failed(error) {
    const again = make("button", { type: "button", class: "button", text: "Try again", on: { click: () => load(true) } });
    return empty("The coverage could not be read", error.detail || error.title, again);
  }

  function show(found) {
    const told = make("p", { class: "told small", role: "status", text: "Point at a day, or read the days with the arrow keys." });
    const blocks = years(found);
    const shown = all ? blocks : blocks.slice(0, FEW_YEARS);
    const more = blocks.length > FEW_YEARS && !all
      ? [make("button", { type: "button", class: "button", text: `Show all ${blocks.length} years`, on: { click: () => { all = true; show(found); } } })]
      : [];
    body.replaceChildren(
      make("div", { class: "summary" }, make("p", { class: "words", text: summary(found) }), ...filling(found)), legend(), told,
      make("div", { class: "years" }, ...shown.map((block) => yearBlock(block, (cell) => tell(told, cell)))), ...more, ...gaps(found),
    );
  }

  function filling({ missing_count: count, since }) {
    if (count === 0 || !app.user.mayBackFill) return [];
    const words = make("p", { class: "small quiet", role: "status" });
    const button = make("button", { type: "button", class: "button", text: "Fill the gaps", on: { click: fill } });

    async function fill() {
      const text = `A back-fill asks Alpha Vantage for the ${sessions(count)} of ${symbol} that are missing since ${since}. It takes requests of the day's quota, as many as it needs.`;
      if (!(await app.confirm({ title: "Fill the gaps?", text, yes: "Fill the gaps" }))) return;
      button.disabled = true;
      try {
        const job = await app.api.post("/backfills", { symbols: [symbol], interval: "daily", since });
        words.textContent = "The back-fill has begun; its first request is sent within seconds.";
        await ended(job.id, words);
      } catch (error) {
        words.textContent = error.detail || error.title;
        app.say(words.textContent, "bad");
      }
      button.disabled = false;
    }
    return [make("div", { class: "filling" }, button, words)];
  }

  async function ended(id, words) {
    while (scope.open) {
      const job = await app.api.get(`/backfills/${id}`);
      if (job.finished_at) {
        const failures = job.failed ? ` ${job.failed} requests failed: ${job.reason}.` : "";
        app.say(`Back-fill of ${symbol}: ${whole(job.bars)} new bars, ${whole(job.unfillable)} sessions cannot be had.${failures}`, job.failed ? "bad" : "good");
        return load(true);
      }
      words.textContent = job.asking.length ? "asking Alpha Vantage …" : "waiting for its turn …";
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return undefined;
  }

  load();
  return { element, reload: () => load(true) };
}

function summary({ expected, missing_count: missing, unfillable_count: unfillable, since, until }) {
  const range = `${whole(expected)} sessions from ${since} to ${until}`;
  if (missing === 0 && unfillable === 0) return `All ${range} are stored.`;
  const parts = [];
  if (missing) parts.push(`${whole(missing)} of ${range} ${missing === 1 ? "is" : "are"} missing`);
  if (unfillable) parts.push(`${whole(unfillable)}${missing ? "" : ` of ${range}`} cannot be had`);
  return `${parts.join("; ")}.`;
}

function legend() {
  return make("ul", { class: "legend-of-days small quiet" }, ...LEGEND.map(([state, text]) => make("li", {}, make("i", { "data-state": state }), text)));
}

function yearBlock({ year, days, counts }, told) {
  const total = counts.stored + counts.missing + counts.unfillable;
  const label = `${year}: ${whole(counts.stored)} of ${sessions(total)} stored. Arrow keys read the days.`;
  const names = monthColumns(year).map((column, month) => {
    const name = make("span", { text: MONTHS[month] });
    name.style.gridColumn = String(column + 1);
    return name;
  });
  const cells = days.map(({ state, column, row }, at) => {
    const cell = make("i", { "data-state": state, "data-at": at });
    cell.style.gridColumn = String(column + 1);
    cell.style.gridRow = String(row + 1);
    return cell;
  });
  const grid = make("div", { class: "days", tabindex: "0", role: "group", "aria-label": label }, ...cells);
  let at = null;

  function go(to) {
    if (at !== null) cells[at].removeAttribute("data-read");
    at = Math.max(0, Math.min(days.length - 1, to));
    cells[at].setAttribute("data-read", "");
    told(days[at]);
  }
  grid.addEventListener("keydown", (event) => {
    const begin = days.findLastIndex((day) => day.state !== "outside");
    const now = at ?? begin;
    const steps = { ArrowUp: now - 1, ArrowDown: now + 1, ArrowLeft: now - 5, ArrowRight: now + 5, Home: 0, End: begin };
    if (!(event.key in steps)) return;
    event.preventDefault();
    go(at === null ? begin : steps[event.key]);
  });
  grid.addEventListener("blur", () => at !== null && cells[at].removeAttribute("data-read"));
  grid.addEventListener("pointermove", ({ target }) => target.dataset.at !== undefined && told(days[Number(target.dataset.at)]));
  return make("div", { class: "year" }, make("h3", { text: year }), make("div", { class: "months small quiet", "aria-hidden": "true" }, ...names), grid);
}

function tell(element, cell) {
  element.textContent = `${longDay(cell.day)}: ${inWords(cell)}`;
}

// The gaps by name, for who reads rather than looks.
function gaps({ missing }) {
  if (missing.length === 0) return [];
  const shown = missing.slice(-FEW_SPANS).reverse();
  const rest = missing.length - shown.length;
  const names = shown.map(({ first, last }) => (first === last ? first : `${first} to ${last}`));
  return [make("p", { class: "small quiet", text: `Missing: ${names.join(", ")}${rest ? `, and ${whole(rest)} earlier gaps` : ""}.` })];
}

function sessions(count) {
  return `${whole(count)} ${count === 1 ? "session" : "sessions"}`;
}
