// Who works, and who holds which shard.

import { make } from "../../make.js";
import { DASH, figure, whole } from "../../text.js";

const AGAIN_MS = 3000;

// The processes behind the stages, each with the age of its last sign of life.
export class Workers {
  constructor(api) {
    this.api = api;
    this.body = make("tbody");
    this.note = make("p", { class: "small quiet" });
    this.element = make("section", { class: "panel" }, make("h2", { text: "Processes and servers" }), make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Processes and servers" },
      make("table", {}, make("thead", {}, make("tr", {}, ...["Part", "State", "In words", "Answer or age"].map((text, at) => make("th", { text, scope: "col", class: at === 3 ? "number" : "" })))), this.body)), this.note);
    this.timer = setInterval(() => this.load(), AGAIN_MS);
    this.load();
  }

  close() {
    clearInterval(this.timer);
  }

  async load() {
    if (document.hidden) return;
    try {
      // Not under /api/v1, and its status says how the system is: 503 has a body like 200.
      const response = await fetch("/health", { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(8000) });
      this.show(await response.json());
      this.note.textContent = "";
    } catch {
      this.body.replaceChildren();
      this.note.textContent = "The server does not answer; this is asked again every three seconds.";
    }
  }

  show({ checks, workers }) {
    // A role that runs is told of by its processes below.
    const told = Object.entries(checks).filter(([, check]) => check.ms !== undefined || check.status !== "ok");
    const parts = told.map(([name, check]) => row(name, check.status, check.message, check.ms === undefined ? DASH : `${figure(check.ms)} ms`));
    const processes = workers.map((worker) => row(worker.instance, worker.status, worker.stages.map((stage) => stage.message).find(Boolean) ?? (worker.pid ? `process ${worker.pid}` : ""), `${figure(worker.age_s)} s ago`));
    this.body.replaceChildren(...parts, ...processes);
  }
}

function row(name, health, text, number) {
  return make("tr", { "data-health": health }, make("th", { scope: "row", text: name }),
    make("td", {}, make("span", { class: "state" }, make("span", { class: "dot", "aria-hidden": "true" }), health)), make("td", { class: "quiet wrap", text }), make("td", { class: "number", text: number }));
}

// The hosts that the roles are spread over, if there are any; how they do is told by their roles.
export class Hosts {
  constructor(api) {
    this.api = api;
    this.body = make("tbody");
    this.element = make("section", { class: "panel", hidden: true }, make("h2", { text: "Hosts" }), make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Hosts" },
      make("table", {}, make("thead", {}, make("tr", {}, ...["Host", "State", "In words", "Instance"].map((text) => make("th", { text, scope: "col" })))), this.body)));
    this.timer = setInterval(() => this.load(), AGAIN_MS);
    this.load();
  }

  close() {
    clearInterval(this.timer);
  }

  async load() {
    if (document.hidden) return;
    try {
      const { hosts } = await this.api.get("/hosts");
      this.element.hidden = hosts.length === 0;
      this.body.replaceChildren(...hosts.map(hostRow));
    } catch {
      this.element.hidden = true; // the processes beside it say what is away
    }
  }
}

function hostRow({ name, roles, status, message, instance }) {
  const record = instance === null ? DASH : `${instance.state}${instance.simulated ? ", simulated" : ""}`;
  return make("tr", { "data-health": status }, make("th", { scope: "row", text: name, title: `Roles: ${roles.join(", ")}` }),
    make("td", {}, make("span", { class: "state" }, make("span", { class: "dot", "aria-hidden": "true" }), status)), make("td", { class: "quiet wrap", text: message }),
    make("td", { class: "quiet", text: record, title: instance?.id ?? "EC2 is not asked" }));
}

export class Leases {
  constructor() {
    this.body = make("tbody");
    this.element = make("section", { class: "panel" }, make("h2", { text: "Leases of the shards" }), make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Leases of the shards" }, make("table", {},
      make("thead", {}, make("tr", {}, ...["Shard", "Ticked by", "Epoch", "Forwarded by"].map((text) => make("th", { text, scope: "col" })))), this.body)));
  }

  show(reported) {
    const ticked = reported.get("tick")?.shards ?? {};
    const forwarded = reported.get("forward")?.shards ?? {};
    const shards = [...new Set([...Object.keys(ticked), ...Object.keys(forwarded)])].sort((a, b) => a - b);
    const rows = shards.map((shard) => [shard, who(ticked[shard]), whole(ticked[shard]?.epoch), who(forwarded[shard])]);
    const key = JSON.stringify(rows);
    if (key === this.key) return;
    this.key = key;
    this.body.replaceChildren(...(rows.length > 0 ? rows : [["", "nobody holds a lease", "", ""]]).map(([shard, ...cells]) =>
      make("tr", {}, make("th", { scope: "row", text: shard }), ...cells.map((text) => make("td", { text })))));
  }
}

function who(row) {
  return row?.holders.length ? row.holders.join(", ") : DASH;
}
