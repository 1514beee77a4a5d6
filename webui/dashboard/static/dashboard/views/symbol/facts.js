// The company, as far as it is stored. Looking it up costs one of the day's requests, so nobody does by only coming here.

import { follow, standing } from "../../following.js";
import { make } from "../../make.js";
import { dayAndClock, shortDay } from "../../moments.js";
import { barDate, DASH, price, whole } from "../../text.js";

const PERCENT = (value) => `${(value * 100).toLocaleString("en-US", { maximumFractionDigits: 2 })} %`;
const PLAIN = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 2 });
// Alpha Vantage's names, ours, and how the figure is written.
const FIGURES = [
  ["MarketCapitalization", "Market cap", large], ["PERatio", "P/E", PLAIN], ["EPS", "EPS", price],
  ["DividendYield", "Dividend yield", PERCENT], ["Beta", "Beta", PLAIN], ["SharesOutstanding", "Shares", large],
];
const SIMULATED = "Company figures of the simulator are made up.";

export function factsPanel({ app, scope, symbol, symbols }) {
  const list = make("dl", { class: "facts" });
  const note = make("p", { class: "small quiet note" });
  const action = make("div", { class: "action" });
  const loading = make("div", { class: "skeleton", text: "Loading" });
  const element = make("section", { class: "panel company-facts", "aria-labelledby": "facts-title" }, make("h2", { id: "facts-title", text: "Company" }), loading, list, note, action);
  const path = `/company/${encodeURIComponent(symbol)}`;

  async function load() {
    try {
      const company = await app.api.get(path, { ask: false });
      if (scope.open) (company === null ? nothing : show)(company);
    } catch (error) {
      if (scope.open) failed(error);
    }
    loading.remove();
  }

  function show(company) {
    document.getElementById("company-name").textContent = company.name;
    const texts = [["Exchange", company.exchange], ["Sector", title(company.sector)], ["Industry", title(company.industry)], ["Country", company.country]];
    const { figures } = company;
    const rows = [...texts, ...FIGURES.map(([key, name, write]) => [name, written(figures[key], write)]), ["52 weeks", range(figures)]];
    const distinct = rows.filter(([name, text]) => text && text !== DASH && !(name === "Industry" && title(company.sector) === text));
    list.replaceChildren(...distinct.map(([name, text]) => fact(name, text)));
    const money = company.currency ? `, in ${company.currency}` : "";
    note.textContent = `As of ${dayAndClock(company.at)} UTC${money}.${simulated() ? ` ${SIMULATED}` : ""}`;
    action.replaceChildren();
    stored();
  }

  function nothing() {
    list.replaceChildren();
    note.textContent = "The company has not been looked up yet.";
    action.replaceChildren(app.user.mayFetch ? asking() : make("p", { class: "small quiet", text: "Who is signed in can look it up." }));
    stored();
  }

  function failed(error) {
    list.replaceChildren();
    note.textContent = `Not available: ${error.detail || error.title}`;
    action.replaceChildren(make("button", { type: "button", class: "button", text: "Try again", on: { click: load } }));
  }

  function asking() {
    const words = make("p", { class: "small quiet", role: "status", text: "It costs one of the day's requests." });
    const button = make("button", { type: "button", class: "button", text: "Look the company up", on: { click: ask } });

    async function ask() {
      button.disabled = true;
      try {
        const answer = await app.api.get(path);
        if (answer.id) {
          const ended = await follow(app.api, answer.id, scope, (fetch) => (words.textContent = standing(fetch)));
          if (ended?.state !== "succeeded") return void (button.disabled = false);
        }
        if (scope.open) await load();
      } catch (error) {
        words.textContent = error.detail || error.title;
        button.disabled = false;
      }
    }
    return make("div", {}, button, words);
  }

  // What is stored of its daily bars stands below what the company says of itself.
  async function stored() {
    const all = await symbols.catch(() => []);
    const series = all.find((one) => one.symbol === symbol)?.series.find((one) => one.interval === "daily");
    if (!scope.open || !series) return;
    const range = `${shortDay(barDate(series.first))} – ${shortDay(barDate(series.last))}`;
    list.append(fact("Daily bars stored", `${whole(series.count)}, ${range}`, "wide"));
  }

  function simulated() {
    return app.store.ticks.get(symbol)?.source === "simulator" || [...app.store.ticks.values()].some((tick) => tick.source === "simulator");
  }

  load();
  return element;
}

function fact(name, text, classes) {
  return make("div", { class: classes }, make("dt", { text: name }), make("dd", { text }));
}

function written(text, write) {
  const value = Number(text);
  return text === undefined || text === "" || Number.isNaN(value) ? DASH : write(value);
}

function range(figures) {
  const [low, high] = [figures["52WeekLow"], figures["52WeekHigh"]].map((text) => written(text, price));
  return low === DASH || high === DASH ? DASH : `${low} – ${high}`;
}

// 3120000000000 -> "3.12 T"
function large(value) {
  for (const [size, unit] of [[1e12, "T"], [1e9, "B"], [1e6, "M"]]) {
    if (value >= size) return `${(value / size).toLocaleString("en-US", { maximumSignificantDigits: 3 })} ${unit}`;
  }
  return whole(value);
}

// "ELECTRONIC COMPUTERS" -> "Electronic computers"
function title(text) {
  return text === text.toUpperCase() ? text.slice(0, 1) + text.slice(1).toLowerCase() : text;
}
