// The eight stages: health, message and measured figures, and who holds which shard.

import { DASH, figure } from "./text.js";

const FIRST = ["rate_per_s", "lag_ms", "p99_ms"]; // of every stage, in this order; a dash where it is not measured
const MOST_SHARDS = 12; // named one by one

export class Stages {
  constructor(list) {
    this.cards = new Map([...list.children].map((card) => [card.dataset.stage, card]));
  }

  update(stages) {
    const reported = new Map(stages.map((stage) => [stage.stage, stage]));
    for (const [name, card] of this.cards) this.show(card, reported.get(name));
  }

  show(card, stage) {
    card.dataset.health = stage?.health ?? "none";
    card.querySelector(".health").textContent = stage?.health ?? DASH;
    card.querySelector(".message").textContent = stage ? stage.message : "not reported";
    const figures = stage?.figures ?? {};
    const names = [...FIRST, ...Object.keys(figures).filter((name) => !FIRST.includes(name))];
    const rows = [...names.map((name) => named(name, figures[name])), ...holders(stage?.shards ?? {})];
    card.querySelector("dl").replaceChildren(...rows.flatMap(([term, text]) => [cell("dt", term), cell("dd", text)]));
  }
}

function cell(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

const UNITS = [["_per_s", "/s"], ["_ms", " ms"], ["_s", " s"]];

// "rate_per_s", 50 -> ["rate", "50/s"]
function named(name, value) {
  if (name.endsWith("_bytes")) return [words(name, "_bytes"), `${figure(value / 2 ** 20)} MB`];
  const [ending, unit] = UNITS.find(([end]) => name.endsWith(end)) ?? ["", ""];
  const text = figure(value);
  return [words(name, ending), text === DASH ? text : text + unit];
}

function words(name, ending) {
  return name.slice(0, name.length - ending.length).replaceAll("_", " ");
}

// {"0": {holders: ["driver-1"], …}, …} -> [["driver-1 has", "shard 0, 2"]]
function holders(shards) {
  const held = new Map();
  for (const [shard, row] of Object.entries(shards)) {
    for (const holder of row.holders) held.set(holder, [...(held.get(holder) ?? []), shard]);
  }
  return [...held].sort().map(([holder, of]) => [`${holder} has`, of.length > MOST_SHARDS ? `${of.length} shards` : `shard ${of.join(", ")}`]);
}
