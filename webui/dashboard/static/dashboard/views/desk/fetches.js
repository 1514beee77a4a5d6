// Asking for symbols, and how each fetch goes: those asked for here, and the newest of everybody's.

import { detail, ENDED, standing } from "../../following.js";
import { empty, make } from "../../make.js";
import { clock, dayAndClock } from "../../moments.js";
import { field, form, symbolsOf } from "./fields.js";

const LOOK_MS = 1500;
const OTHERS = 8;
const MOST = 200; // the API's own limit
const LEVELS = { succeeded: "good", failed: "bad", waiting: "warn" };

// `asked()`: requests may have been spent.
export function fetchPanel({ app, scope }, asked) {
  const mine = new Map(); // id -> the fetch as last seen, of those asked for here
  const input = make("input", { type: "text", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", placeholder: "AAPL MSFT GOOGL", required: true });
  const symbols = field("Symbols", input, "Up to 100, with blanks or commas between them.");
  const list = make("ol", { class: "fetches" });
  const place = make("div", {}, make("div", { class: "skeleton", text: "Loading" }));
  const button = make("button", { type: "submit", class: "button primary", text: "Fetch" });
  const listed = { symbols: () => symbolsOf(input.value) };
  const parts = app.user.mayFetch
    ? [form({ fields: { symbols }, button, act: order, app, listed }, symbols.element)]
    : [make("p", { class: "quiet small", text: "Who is signed in can fetch symbols here." })];
  const element = make("section", { class: "panel fetching", "aria-labelledby": "fetch-title" },
    make("h2", { id: "fetch-title", text: "Fetch symbols" }), ...parts, make("h3", { text: "Fetches" }), place);

  async function order() {
    const { fetches } = await app.api.post("/fetches", { symbols: listed.symbols() });
    for (const fetch of fetches) mine.set(fetch.id, fetch);
    input.value = "";
    asked();
    look();
    const names = fetches.map((fetch) => fetch.symbol).join(", ");
    return fetches.length === 1 ? `The fetch of ${names} is accepted.` : `${fetches.length} fetches are accepted: ${names}.`;
  }

  const look = scope.every(LOOK_MS, async () => {
    try {
      const open = [...mine.values()].filter((fetch) => !ENDED.includes(fetch.state));
      const { fetches } = await app.api.get("/fetches", { limit: Math.min(MOST, OTHERS + mine.size) });
      const newest = new Map(fetches.map((fetch) => [fetch.id, fetch]));
      for (const { id } of open) if (!newest.has(id)) newest.set(id, await app.api.get(`/fetches/${encodeURIComponent(id)}`));
      if (scope.open) show(newest);
    } catch (error) {
      if (scope.open && list.parentNode !== place) place.replaceChildren(empty("The fetches could not be read", error.detail || error.title));
    }
  });

  function show(newest) {
    for (const fetch of newest.values()) {
      const before = mine.get(fetch.id);
      if (!before) continue;
      mine.set(fetch.id, fetch);
      if (ENDED.includes(fetch.state) && !ENDED.includes(before.state)) {
        app.say(`${fetch.symbol} ${standing(fetch)}.`, fetch.state === "succeeded" ? "good" : "bad");
        asked();
      }
    }
    const others = [...newest.values()].filter((fetch) => !mine.has(fetch.id)).slice(0, OTHERS);
    const rows = [...[...mine.values()].reverse(), ...others];
    if (rows.length === 0) return place.replaceChildren(empty("No fetch yet", "What is fetched, by hand or by plan, is listed here."));
    list.replaceChildren(...rows.map((fetch) => line(fetch, mine.has(fetch.id))));
    if (list.parentNode !== place) place.replaceChildren(list);
    return undefined;
  }

  return { element };
}

function line(fetch, own) {
  const link = make("a", { href: `/symbols/${encodeURIComponent(fetch.symbol)}`, text: fetch.symbol });
  const words = fetch.queued_at === undefined ? "accepted" : detail(fetch);
  const who = own ? "asked for here" : `by ${fetch.requested_by}`;
  const time = fetch.queued_at ? make("time", { class: "quiet small", datetime: fetch.queued_at, title: `${dayAndClock(fetch.queued_at)} UTC, ${who}`, text: clock(fetch.queued_at, 0) }) : "";
  return make("li", {}, make("strong", {}, link), make("span", { class: "pill", "data-level": LEVELS[fetch.state], text: fetch.state }), time,
    make("span", { class: "small words", text: `${fetch.interval && fetch.interval !== "daily" ? `${fetch.interval}: ` : ""}${words}` }));
}
