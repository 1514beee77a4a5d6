// One stage: its health in colour, shape and words, and its figures as it measures them.

import { make } from "../../make.js";
import { DASH, figure } from "../../text.js";

const FIRST = ["rate_per_s", "p99_ms", "lag_ms", "queued"]; // shown at once; the others behind "more"
const UNITS = [["_per_s", "/s"], ["_ms", " ms"], ["_s", " s"]];

export class Card {
  constructor({ name, does }) {
    this.health = make("span", { class: "health" });
    this.message = make("p", { class: "message small quiet" });
    this.first = make("dl");
    this.more = make("dl");
    this.details = make("details", {}, make("summary", { text: "All figures" }), this.more);
    this.element = make("li", { class: "stage", "data-stage": name, "data-health": "none" },
      make("span", { class: "dot", "aria-hidden": "true" }), make("h3", { text: name }), this.health,
      make("p", { class: "does small quiet", text: does }), this.message, this.first, this.details);
  }

  // Without a stage `unknown` says why.
  show(stage, unknown) {
    this.element.dataset.health = stage?.health ?? "none";
    put(this.health, stage?.health ?? DASH);
    put(this.message, stage ? (stage.message ?? "") : unknown);
    const figures = stage?.figures ?? {};
    const shown = FIRST.filter((name) => name in figures);
    rows(this.first, shown.length > 0 ? shown : Object.keys(figures).slice(0, 2), figures);
    const others = Object.keys(figures).filter((name) => !shown.includes(name));
    this.details.hidden = shown.length === 0 || others.length === 0;
    rows(this.more, others, figures);
  }
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Changes texts where the names are the same: nothing is made anew each second.
function rows(list, names, figures) {
  const key = names.join();
  if (list.dataset.names !== key) {
    list.dataset.names = key;
    list.replaceChildren(...names.flatMap((name) => [make("dt", { text: words(name) }), make("dd")]));
  }
  names.forEach((name, at) => put(list.children[2 * at + 1], value(name, figures[name])));
}

function words(name) {
  const ending = name.endsWith("_bytes") ? "_bytes" : (UNITS.find(([end]) => name.endsWith(end))?.[0] ?? "");
  return name.slice(0, name.length - ending.length).replaceAll("_", " ");
}

function value(name, number) {
  if (name.endsWith("_bytes")) return `${figure(number / 2 ** 20)} MB`;
  const unit = UNITS.find(([end]) => name.endsWith(end))?.[1] ?? "";
  const text = figure(number);
  return text === DASH ? text : text + unit;
}
