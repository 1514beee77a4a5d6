// The history: each firing, what cleared it, and how its notices went out.

import { empty, make } from "../../make.js";
import { moment } from "../../text.js";

const STATES = [["", "All"], ["firing", "Firing"], ["cleared", "Over"]];
const PAGE = 30;
const CHANNELS = { sns: "SNS", webhook: "webhook", mail: "mail" };

export class History {
  constructor(app) {
    this.app = app;
    this.state = "";
    this.older = []; // pages that were asked for
    this.turn = 0;
    this.list = make("ol", { class: "history", "aria-labelledby": "history-title" });
    this.more = make("button", { type: "button", class: "button", text: "Older", hidden: true, on: { click: () => this.loadOlder() } });
    this.filter = make("div", { class: "segments", role: "group", "aria-label": "Which alerts" },
      ...STATES.map(([value, text]) => make("button", {
        type: "button", text, "aria-pressed": String(value === this.state), on: { click: (event) => this.choose(value, event.currentTarget) },
      })));
    this.element = make("section", { class: "panel", "aria-labelledby": "history-title" },
      make("div", { class: "row" }, make("h2", { id: "history-title", text: "History" }), this.filter), this.list, this.more);
    this.list.append(...[1, 2, 3].map(() => make("li", { class: "skeleton", "aria-hidden": "true", text: "…" })));
  }

  choose(state, button) {
    this.state = state;
    this.older = [];
    for (const other of this.filter.children) other.setAttribute("aria-pressed", String(other === button));
    this.load();
  }

  async load() {
    const turn = ++this.turn;
    try {
      const page = await this.app.api.get("/alerts", { limit: PAGE, state: this.state });
      if (turn !== this.turn) return; // another filter was chosen meanwhile
      this.newest = page;
      this.show();
    } catch (error) {
      if (turn === this.turn) this.list.replaceChildren(make("li", {}, empty("The history is not available", error.message)));
    }
  }

  async loadOlder() {
    const after = this.older.at(-1)?.next ?? this.newest.next;
    this.more.disabled = true;
    try {
      this.older.push(await this.app.api.get("/alerts", { limit: PAGE, state: this.state, after }));
      this.show();
    } catch (error) {
      this.app.say(`Older alerts are not available: ${error.message}`, "bad");
    }
    this.more.disabled = false;
  }

  show() {
    const known = new Map([this.newest, ...this.older].flatMap((page) => page.alerts).map((alert) => [alert.id, alert]));
    const rows = [...known.values()];
    this.more.hidden = (this.older.at(-1) ?? this.newest).next === null;
    const nothing = { "": ["No alert yet", "What fires is listed here, and kept."], firing: ["Nothing fires", "All is within the rules."], cleared: ["No alert is over yet", "What fired and cleared is listed here."] };
    this.list.replaceChildren(...(rows.length > 0 ? rows.map(line) : [make("li", {}, empty(...nothing[this.state]))]));
  }
}

function line(alert) {
  const firing = alert.state === "firing";
  const subject = alert.symbol
    ? make("a", { class: "symbol", href: `/symbols/${encodeURIComponent(alert.symbol)}`, text: alert.symbol })
    : make("a", { class: "symbol", href: "/way", text: alert.subject });
  return make("li", { "data-state": alert.state },
    make("span", { class: "pill", "data-level": firing ? "bad" : "good", text: firing ? "▲ firing" : "✓ over" }),
    make("div", {},
      make("p", {}, subject, " ", make("span", { class: "quiet", text: alert.rule })),
      make("p", { text: alert.text }),
      make("p", { class: "quiet small" }, "Fired ", make("time", { datetime: alert.fired_at, text: moment(alert.fired_at) }), ...ending(alert)),
      ...notices(alert.notices)));
}

function ending(alert) {
  if (alert.cleared_at === null) return [];
  const time = make("time", { datetime: alert.cleared_at, text: moment(alert.cleared_at) });
  return [" · over ", time, ` after ${lasted(Date.parse(alert.cleared_at) - Date.parse(alert.fired_at))}: ${alert.cleared_text}`];
}

export function lasted(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

// Those that are out in one line, each that is not with its reason.
function notices(all) {
  const lines = ["fired", "cleared"].flatMap((happening) => {
    const own = all.filter((notice) => notice.happening === happening);
    const out = own.filter((notice) => notice.state === "sent").map((notice) => CHANNELS[notice.channel] ?? notice.channel);
    const told = out.length > 0 ? [make("li", { text: `That it ${happening} was told by ${out.join(", ")}.` })] : [];
    return [...told, ...own.filter((notice) => notice.state !== "sent").map(untold)];
  });
  return lines.length > 0 ? [make("ul", { class: "notices small" }, ...lines)] : [];
}

function untold({ happening, channel, state, reason }) {
  const waits = state === "pending";
  const words = `That it ${happening} ${waits ? "waits to be told" : "was not told"} by ${CHANNELS[channel] ?? channel}`;
  return make("li", { "data-state": state, text: reason ? `${words}: ${reason}` : `${words}.` });
}
