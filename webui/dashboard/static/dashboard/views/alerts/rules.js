// The rules as the pipeline looks at them, and for whom they fire. They are edited in the admin.

import { empty, make } from "../../make.js";

const EDIT = "/admin/watchlist/alertrule/";
const CHANNELS = { sns: "SNS", webhook: "a webhook", mail: "mail" };
const number = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 4 });

export class Rules {
  // `told(firing)` gets the number of alerts that fire.
  constructor(app, told) {
    this.app = app;
    this.told = told;
    this.list = make("ul", { class: "rules", "aria-labelledby": "rules-title" }, make("li", { class: "skeleton", "aria-hidden": "true", text: "…" }));
    const edit = app.user.staff ? [make("a", { class: "button", href: EDIT, text: "Edit rules" })] : [];
    this.element = make("section", { class: "panel", "aria-labelledby": "rules-title" },
      make("div", { class: "row" }, make("h2", { id: "rules-title", text: "Rules" }), ...edit), this.list);
  }

  async load() {
    try {
      const { rules } = await this.app.api.get("/alerts/rules");
      this.told(rules.reduce((sum, rule) => sum + rule.firing.length, 0));
      this.list.replaceChildren(...(rules.length > 0 ? rules.map(line) : [make("li", {}, this.none())]));
    } catch (error) {
      this.list.replaceChildren(make("li", {}, empty("The rules are not available", error.message)));
    }
  }

  none() {
    const words = "A rule watches a price, a move, a volume, silence, or a stage, and tells you when it matters.";
    if (this.app.user.staff) return empty("No rules yet", words, make("a", { class: "button primary", href: `${EDIT}add/`, text: "Add a rule" }));
    return empty("No rules yet", `${words} Who is signed in adds them in the admin.`);
  }
}

function line(rule) {
  const firing = rule.firing.length > 0;
  const state = firing ? `▲ firing: ${rule.firing.slice(0, 5).join(", ")}${rule.firing.length > 5 ? ` and ${rule.firing.length - 5} more` : ""}` : "✓ ok";
  const told = rule.channels.map((channel) => CHANNELS[channel] ?? channel);
  const pause = rule.cooldown_s > 0 ? ` At most once in ${rule.cooldown_s} s.` : "";
  return make("li", {},
    make("p", { class: "row" }, make("strong", { text: rule.name }), make("span", { class: "pill", "data-level": firing ? "bad" : "good", text: state })),
    make("p", { class: "quiet small", text: `${sentence(rule)}${pause}${told.length > 0 ? ` Told by ${told.join(", ")}.` : ""}` }));
}

// The rule in words.
export function sentence({ kind, subject, threshold, clear_at: clear, window_s: window }) {
  const all = kind === "stage" ? "Each stage" : "Each symbol of the watchlist";
  const who = subject === "*" ? all : subject;
  switch (kind) {
    case "above": return `${who} at or above ${number(threshold)}; clears at ${number(clear)}.`;
    case "below": return `${who} at or below ${number(threshold)}; clears at ${number(clear)}.`;
    case "rise": return `${who} rising ${number(threshold)} % within ${window} s; clears at ${number(clear)} %.`;
    case "fall": return `${who} falling ${number(threshold)} % within ${window} s; clears at ${number(clear)} %.`;
    case "volume": return `${who} with ${number(threshold)} shares within ${window} s; clears at ${number(clear)}.`;
    case "silence": return `${who} without a tick for ${number(threshold)} s.`;
    default: return `${who} failing for ${number(threshold)} s.`;
  }
}
