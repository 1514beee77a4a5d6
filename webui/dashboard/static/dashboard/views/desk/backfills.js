// Back-fills: starting one, and how far each has come.

import { empty, make } from "../../make.js";
import { dayAndClock } from "../../moments.js";
import { whole } from "../../text.js";
import { field, form, symbolsOf } from "./fields.js";

const LOOK_MS = 3000;
const MOST = 10;
const FEW = 4; // symbols by name
const INTERVALS = [
  "daily", "weekly", "monthly", "daily_adjusted", "weekly_adjusted", "monthly_adjusted", "60min", "30min", "15min", "5min", "1min",
];

export function backfillPanel({ app, scope }) {
  const jobs = make("ol", { class: "jobs" });
  const place = make("div", {}, make("div", { class: "skeleton", text: "Loading" }));
  const parts = app.user.mayBackFill ? [starting(app, () => look())] : [make("p", { class: "quiet small", text: "Who is signed in and may start back-fills can do so here." })];
  const element = make("section", { class: "panel backfill", "aria-labelledby": "backfill-title" },
    make("h2", { id: "backfill-title", text: "Back-fill" }),
    make("p", { class: "small quiet", text: "Fills in the sessions that the trading calendar says are missing, with as many requests as the quota leaves." }),
    ...parts, make("h3", { text: "Jobs" }), place);
  const ended = new Map(); // id -> whether it had ended when it was seen last

  const look = scope.every(LOOK_MS, async () => {
    try {
      const { backfills } = await app.api.get("/backfills", { limit: MOST });
      if (scope.open) show(backfills);
    } catch (error) {
      if (scope.open) place.replaceChildren(empty("The jobs could not be read", error.detail || error.title));
    }
  });

  function show(found) {
    for (const job of found) {
      if (ended.get(job.id) === false && job.finished_at) app.say(`Back-fill of ${few(job.symbols)}: ${outcome(job)}.`, job.failed ? "bad" : "good");
      ended.set(job.id, job.finished_at !== null);
    }
    if (found.length === 0) return place.replaceChildren(empty("No back-fill yet", "Jobs are durable: one goes on where it was, whatever is restarted."));
    jobs.replaceChildren(...found.map(line));
    if (jobs.parentNode !== place) place.replaceChildren(jobs);
    return undefined;
  }

  return { element };
}

function starting(app, started) {
  const symbols = field("Symbols", make("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "the watchlist" }), "Left empty: the whole watchlist.");
  const since = field("Since", make("input", { type: "date", required: true, min: "1990-01-01" }), "The first day, in New York.");
  const options = INTERVALS.map((name) => make("option", { value: name, text: name.replace("_", ", ") }));
  const interval = field("Bars", make("select", {}, ...options));
  const button = make("button", { type: "submit", class: "button primary", text: "Start the back-fill" });
  const listed = { symbols: () => symbolsOf(symbols.input.value) };

  async function act() {
    if (!since.input.value) {
      since.fail("expected a day");
      since.input.focus();
      return null;
    }
    const given = listed.symbols();
    const whose = given.length ? given.join(", ") : "the whole watchlist";
    const text = `It fills in ${interval.input.value} bars of ${whose} since ${since.input.value}. Each symbol that lacks some takes one request of the day's quota, or one for each month of minute bars.`;
    if (!(await app.confirm({ title: "Start the back-fill?", text, yes: "Start" }))) return null;
    const order = { interval: interval.input.value, since: since.input.value, ...(given.length ? { symbols: given } : {}) };
    const job = await app.api.post("/backfills", order);
    started();
    return `The back-fill of ${few(job.symbols)} has begun.`;
  }

  return form({ fields: { symbols, since, interval }, button, act, app, listed }, make("div", { class: "fields" }, symbols.element, interval.element, since.element));
}

function line(job) {
  const total = job.symbols.length;
  const open = job.finished_at === null;
  const state = open ? (job.asking.length ? `asking for ${few(job.asking)}` : "waiting for its turn") : outcome(job);
  const failures = job.failed ? [make("p", { class: "small down", text: `${whole(job.failed)} requests failed: ${job.reason}` })] : [];
  return make("li", {},
    make("div", { class: "line" }, make("strong", { text: few(job.symbols) }), make("span", { class: "pill", "data-level": open ? "warn" : job.failed ? "bad" : "good", text: open ? "under way" : "finished" })),
    make("progress", { max: total, value: job.done, "aria-label": `${job.done} of ${total} symbols done` }),
    make("p", { class: "small" }, `${whole(job.done)} of ${whole(total)} symbols, ${state}`),
    make("p", { class: "small quiet", text: `${job.interval} since ${job.since}; begun ${dayAndClock(job.created_at)} UTC by ${job.requested_by}` }), ...failures);
}

function outcome(job) {
  return `${whole(job.bars)} new bars, ${whole(job.unfillable)} sessions cannot be had`;
}

function few(symbols) {
  const rest = symbols.length - FEW;
  return symbols.slice(0, FEW).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
