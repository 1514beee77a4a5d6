// The eight stages in one line: is each well, and what goes through it. The way has the whole picture.

import { make } from "../../make.js";
import { figure } from "../../text.js";

const STAGES = ["fetch", "store", "publish", "listen", "tick", "buffer", "forward", "show"];

export class Strip {
  constructor(store) {
    this.store = store;
    this.items = new Map(STAGES.map((name) => [name, make("li", { "data-health": "none" }, make("span", { class: "dot", "aria-hidden": "true" }), make("span", { text: name }), make("span", { class: "rate number" }), make("span", { class: "spoken" }))]));
    this.element = make("a", { href: "/way", "aria-label": "The way of the data, in detail" }, make("ol", { class: "strip" }, ...this.items.values()));
    const show = () => this.show();
    this.ends = [store.on("stages", show), store.on("connection", show)];
    this.show();
  }

  close() {
    this.ends.forEach((end) => end());
  }

  show() {
    const live = this.store.connection.state === "connected";
    const reported = new Map(live ? this.store.stages.map((stage) => [stage.stage, stage]) : []);
    for (const [name, item] of this.items) {
      const stage = reported.get(name);
      const rate = stage?.figures.rate_per_s;
      item.dataset.health = stage?.health ?? "none";
      item.title = stage?.message ?? "";
      item.children[2].textContent = rate === undefined ? "" : `${figure(rate)}/s`;
      item.children[3].textContent = stage ? stage.health : "not known";
    }
  }
}
