// The way of the data: each stage with what it measures, what passes between them, who works, and who holds which shard.

import { make } from "../make.js";
import { figure, whole } from "../text.js";
import { DONE, ROLES, words } from "./way/stages.js";
import { Card } from "./way/card.js";
import { Hosts, Leases, Workers } from "./way/tables.js";

export function open(root, app) {
  root.className = "way";
  const cards = new Map();
  const links = new Map();
  const flow = make("ol", { class: "flow" });
  for (const role of ROLES) {
    const list = make("ol", { class: "stages" });
    for (const stage of role.stages) {
      const card = new Card(stage);
      cards.set(stage.name, card);
      list.append(card.element);
      if (stage !== role.stages.at(-1)) list.append(link(links, stage));
    }
    flow.append(make("li", { class: "role panel", "data-role": role.name }, make("h2", { text: role.title }), list));
    flow.append(link(links, role.stages.at(-1)));
  }
  const screen = new Card({ name: "screen", gives: "", does: "this page" });
  flow.append(make("li", { class: "role panel", "data-role": "screen" }, make("h2", { text: "Browser" }), make("ol", { class: "stages" }, screen.element)));
  const summary = make("p", { class: "summary", role: "status" });
  const workers = new Workers(app.api);
  const hosts = new Hosts(app.api);
  const leases = new Leases();
  root.append(make("header", { class: "title" }, make("h1", { text: "The way of the data" }), summary), flow,
    make("div", { class: "tables" }, workers.element, make("div", { class: "column" }, hosts.element, leases.element)));

  function show() {
    const { state, words: stands } = app.store.connection;
    const live = state === "connected";
    const reported = new Map(live ? app.store.stages.map((stage) => [stage.stage, stage]) : []);
    for (const [name, card] of cards) card.show(reported.get(name), live ? "not reported" : `not known: ${stands}`);
    for (const [name, element] of links) flowing(element, reported.get(name));
    screen.show(live ? { health: "ok", message: "frames arrive", figures: screenFigures(app.store) } : undefined, stands);
    const said = words(reported, live, stands);
    if (summary.textContent !== said) summary.textContent = said;
    summary.dataset.level = said === DONE ? "good" : [...reported.values()].some((stage) => stage.health === "failing") || !live ? "bad" : "warn";
    leases.show(reported);
  }

  const ends = [app.store.on("stages", show), app.store.on("connection", show), () => workers.close(), () => hosts.close()];
  show();
  return () => ends.forEach((end) => end());
}

function screenFigures(store) {
  return store.clock === null ? {} : { round_trip_ms: store.clock.roundTripMs, symbols: store.ticks.size };
}

function link(links, stage) {
  const element = make("li", { class: "link" }, make("span", { class: "line", "aria-hidden": "true" }), make("span", { class: "over", text: stage.over }), make("span", { class: "rate number" }));
  links.set(stage.name, element);
  return element;
}

function flowing(element, stage) {
  const rate = stage?.figures.rate_per_s;
  element.dataset.flow = rate > 0 ? "yes" : "no";
  element.dataset.health = stage?.health ?? "none";
  element.lastChild.textContent = rate === undefined ? "" : rate > 0 && rate < 100 ? `${figure(rate)}/s` : `${whole(rate)}/s`;
}
