// A dry run: when a rule would have fired and cleared over stored bars. Nothing is stored, and nobody is told.

import { make } from "../../make.js";
import { barDate, moment, whole } from "../../text.js";
import { lasted } from "./history.js";

const KINDS = [
  ["above", "Price at or above", "Price, in dollars"],
  ["below", "Price at or below", "Price, in dollars"],
  ["rise", "Rise within a window", "Rise, in percent"],
  ["fall", "Fall within a window", "Fall, in percent"],
  ["volume", "Volume within a window", "Volume, in shares"],
];
const WINDOWED = ["rise", "fall", "volume"];
const MOST_SHOWN = 100;

export class Trial {
  constructor(app) {
    this.app = app;
    this.symbol = field("trial-symbol", "Symbol", make("input", { required: true, maxlength: 20, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", list: "trial-symbols" }));
    this.kind = field("trial-kind", "Rule", make("select", {}, ...KINDS.map(([value, text]) => make("option", { value, text }))));
    this.threshold = field("trial-threshold", KINDS[0][2], make("input", { type: "number", required: true, min: 0, step: "any", inputmode: "decimal" }));
    this.clear = field("trial-clear_at", "Clears at (may be left out)", make("input", { type: "number", min: 0, step: "any", inputmode: "decimal" }));
    this.window = field("trial-window", "Window, in days", make("input", { type: "number", value: 5, min: 1, max: 3600, required: true }));
    this.over = field("trial-over", "Over", make("select", {},
      make("option", { value: "daily", text: "stored daily bars" }), make("option", { value: "live", text: "the live bars of the last minutes" })));
    this.fields = { symbol: this.symbol, kind: this.kind, threshold: this.threshold, clear_at: this.clear, window: this.window, over: this.over };
    this.symbols = make("datalist", { id: "trial-symbols" });
    this.result = make("div", { class: "result", "aria-live": "polite" });
    this.button = make("button", { class: "button primary", text: "Try it" });
    this.form = make("form", { novalidate: true, on: { submit: (event) => this.submit(event), change: () => this.adapt(), focusin: () => this.suggest() } },
      this.symbols, make("div", { class: "fields" }, ...Object.values(this.fields).map((one) => one.element)), this.button);
    this.element = make("section", { class: "panel trial", "aria-labelledby": "trial-title" },
      make("h2", { id: "trial-title", text: "Try a rule" }),
      make("p", { class: "quiet small", text: "When would it have fired? Nothing is stored, and nobody is told." }), this.form, this.result);
    this.adapt();
  }

  adapt() {
    const kind = this.kind.input.value;
    this.threshold.label.textContent = KINDS.find(([value]) => value === kind)[2];
    this.window.element.hidden = !WINDOWED.includes(kind);
    this.window.label.textContent = this.over.input.value === "daily" ? "Window, in days" : "Window, in seconds";
  }

  suggest() {
    this.symbols.replaceChildren(...[...this.app.store.ticks.keys()].sort().map((value) => make("option", { value })));
  }

  async submit(event) {
    event.preventDefault();
    for (const one of Object.values(this.fields)) one.complain("");
    const number = (one) => (one.input.value === "" ? null : Number(one.input.value));
    if (this.symbol.input.value.trim() === "") return this.refuse([{ field: "symbol", rule: "expected a symbol" }]);
    if (number(this.threshold) === null) return this.refuse([{ field: "threshold", rule: "expected a number" }]);
    const order = {
      symbol: this.symbol.input.value, kind: this.kind.input.value, threshold: number(this.threshold), clear_at: number(this.clear),
      window: number(this.window) ?? 0, over: this.over.input.value,
    };
    if (this.window.element.hidden) delete order.window;
    this.button.disabled = true;
    try {
      this.show(await this.app.api.post("/alerts/dry-run", order), order);
    } catch (error) {
      if (error.errors?.length > 0) this.refuse(error.errors);
      else this.result.replaceChildren(make("p", { class: "error", text: `✕ It was not tried: ${error.message}` }));
    }
    this.button.disabled = false;
  }

  refuse(errors) {
    this.result.replaceChildren();
    const named = errors.filter(({ field: name }) => name in this.fields);
    for (const { field: name, rule } of named) this.fields[name].complain(rule);
    if (named.length > 0) this.fields[named[0].field].input.focus();
    const others = errors.filter(({ field: name }) => !(name in this.fields));
    this.result.append(...others.map(({ field: name, rule }) => make("p", { class: "error", text: `✕ ${name}: ${rule}` })));
  }

  show(answer, order) {
    const symbol = order.symbol.trim().toUpperCase();
    if (answer.bars === 0) {
      const where = order.over === "daily" ? "No daily bars of it are stored." : "It has no live bars now.";
      return this.result.replaceChildren(make("p", { class: "verdict", text: `There is nothing to try it on: ${symbol}.` }), make("p", { class: "quiet", text: where }));
    }
    const time = order.over === "daily" ? barDate : moment;
    const times = answer.fired === 0 ? "would not have fired" : `would have fired ${answer.fired === 1 ? "once" : `${whole(answer.fired)} times`}`;
    const range = `${whole(answer.bars)} ${order.over === "daily" ? "daily bars" : "seconds"}, ${time(answer.first)} to ${time(answer.last)}.`;
    this.result.replaceChildren(make("p", { class: "verdict", text: `It ${times}.` }), make("p", { class: "quiet small", text: range }));
    if (answer.alerts.length === 0) return undefined;
    const shown = answer.alerts.slice(0, MOST_SHOWN);
    const head = ["Fired", "What", "Over"].map((text) => make("th", { scope: "col", text }));
    const rows = shown.map((alert) => make("tr", {},
      make("td", { text: time(alert.fired_at) }), make("td", { class: "words", text: alert.text }),
      make("td", { text: alert.cleared_at === null ? "not yet" : `after ${lasted(Date.parse(alert.cleared_at) - Date.parse(alert.fired_at))}` })));
    this.result.append(make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "When it would have fired" },
      make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))));
    if (answer.fired > shown.length) this.result.append(make("p", { class: "quiet small", text: `The first ${shown.length} are shown.` }));
    return undefined;
  }
}

// A labelled input with a place for what is wrong with it.
function field(id, text, input) {
  const label = make("label", { for: id, text });
  const error = make("span", { id: `${id}-error`, class: "error" });
  input.id = id;
  return {
    label, input, element: make("div", { class: "field" }, label, input, error),
    complain(rule) {
      error.textContent = rule ? `✕ ${rule}` : "";
      input.toggleAttribute("aria-describedby", false);
      if (rule) input.setAttribute("aria-describedby", error.id);
      input.setAttribute("aria-invalid", String(Boolean(rule)));
    },
  };
}
