// What happens, as it happens: fetches, events, alerts, stages; and what the day's requests are spent on.

import { empty, make } from "../make.js";
import { DASH, moment, whole } from "../text.js";

const KINDS = [["all", "Everything"], ["fetch", "Fetches"], ["event", "Events"], ["alert", "Alerts"], ["stage", "Stages"], ["session", "Sessions"]];
const AGAIN_MS = 15000;
const SOON_MS = 1000; // after something happened; many things at once are asked for once
const STATES = { succeeded: "good", failed: "bad", waiting: "warn", running: "info", queued: "info" };

export function open(root, app) {
  root.className = "activity";
  let kind = "all";
  const list = make("ol", { class: "events", "aria-label": "What happened, newest first" });
  const filter = make("div", { class: "segments", role: "group", "aria-label": "Filter" }, ...KINDS.map(([value, text]) =>
    make("button", { type: "button", text, "aria-pressed": String(value === kind), on: { click: (event) => {
      kind = value;
      for (const button of filter.children) button.setAttribute("aria-pressed", String(button === event.currentTarget));
      showEvents();
    } } })));
  const fetches = make("div");
  const quota = make("div");
  const plan = make("div");
  root.append(make("header", { class: "title" }, make("h1", { text: "Activity" })),
    make("div", { class: "columns" },
      make("section", { class: "panel", "aria-labelledby": "events-title" }, make("div", { class: "row" }, make("h2", { id: "events-title", text: "As it comes" }), filter), list),
      make("div", { class: "side" },
        make("section", { class: "panel" }, make("h2", { text: "Requests today" }), quota),
        make("section", { class: "panel" }, make("h2", { text: "Newest fetches" }), fetches),
        make("section", { class: "panel" }, make("h2", { text: "The next 24 hours" }), plan))));

  function showEvents() {
    const rows = app.store.events.filter((event) => kind === "all" || event.kind === kind);
    list.replaceChildren(...(rows.length > 0 ? rows.map(line) : [make("li", {}, empty("Nothing yet", "What happens from now on appears here at once."))]));
  }

  async function load() {
    if (document.hidden) return;
    await Promise.all([
      fill(fetches, () => app.api.get("/fetches", { limit: 25 }), (page) => fetchRows(page.fetches)),
      fill(quota, () => app.api.get("/quota"), meter),
      fill(plan, () => app.api.get("/plan"), ahead),
    ]);
  }

  let soon = null;
  const timer = setInterval(load, AGAIN_MS);
  const ends = [
    app.store.on("events", () => {
      showEvents();
      soon ??= setTimeout(() => {
        soon = null;
        load();
      }, SOON_MS);
    }),
    () => clearInterval(timer),
    () => clearTimeout(soon),
  ];
  showEvents();
  load();
  return () => ends.forEach((end) => end());
}

async function fill(box, ask, show) {
  try {
    box.replaceChildren(...[show(await ask())].flat());
  } catch (error) {
    box.replaceChildren(make("p", { class: "quiet", text: `Not available: ${error.message}` }));
  }
}

function line(event) {
  return make("li", { "data-level": event.level }, make("time", { datetime: event.at, class: "small quiet mono", text: moment(event.at) }),
    make("span", { class: "pill", text: event.kind, "data-level": event.level }), make("p", {}, ...linked(event)));
}

// The sentence, with its symbol as a link where it stands; before the sentence where it does not stand in it.
function linked({ symbol, text }) {
  if (!symbol) return [text];
  const link = make("a", { class: "symbol", href: `/symbols/${encodeURIComponent(symbol)}`, text: symbol });
  const at = text.indexOf(symbol);
  return at < 0 ? [link, " ", text] : [text.slice(0, at), link, text.slice(at + symbol.length)];
}

function fetchRows(rows) {
  if (rows.length === 0) return empty("No fetch yet", "The planner asks for watched symbols by itself; the desk asks for one at once.");
  const head = ["Symbol", "Series", "State", "When"].map((text) => make("th", { scope: "col", text }));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Newest fetches" }, make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows.map((row) =>
    make("tr", { title: row.reason ?? "" }, make("th", { scope: "row", text: row.symbol }), make("td", { text: row.interval }),
      make("td", {}, make("span", { class: "pill", "data-level": STATES[row.state], text: told(row) })), make("td", { class: "quiet mono small", text: moment(row.finished_at ?? row.queued_at) }))))));
}

function told(row) {
  if (row.change) return row.change.count === 0 ? "nothing new" : `${whole(row.change.count)} bars`;
  return row.state;
}

function meter(quota) {
  const day = quota.per_day === null
    ? make("p", { class: "big", text: `${whole(quota.used)} used, no limit a day` })
    : make("p", { class: "big", text: `${whole(quota.left)} of ${whole(quota.per_day)} left` });
  const bar = quota.per_day === null ? [] : [make("meter", { min: 0, max: quota.per_day, value: quota.used, "aria-label": "Requests used today" })];
  const words = [`Plan ${quota.plan}`, `${whole(quota.by_hand)} asked for by people`, `new day ${moment(quota.resets_at)}`];
  if (quota.closed) words.push("Alpha Vantage says that the day is used up");
  if (quota.paused_until) words.push(`slower until ${moment(quota.paused_until)}`);
  return [day, ...bar, make("p", { class: "small quiet", text: words.join(" · ") })];
}

function ahead(plan) {
  const next = plan.planned.slice(0, 8).map((one) => make("li", {}, make("time", { class: "small quiet mono", datetime: one.at, text: moment(one.at) }), make("strong", { text: one.symbol }), make("span", { class: "quiet small", text: one.why })));
  const rest = plan.planned.length - next.length;
  const words = [rest > 0 ? `and ${whole(rest)} more` : "", `${whole(plan.fresh)} symbols need nothing`, plan.left_out.length ? `${whole(plan.left_out.length)} left out, e.g. ${plan.left_out[0].symbol}: ${plan.left_out[0].why}` : ""];
  return [make("ol", { class: "ahead" }, ...next), make("p", { class: "small quiet", text: words.filter(Boolean).join(" · ") || DASH })];
}
