// The eight stages: health, message and measured figures.

import { DASH, figure } from "./text.js";

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
    const rows = Object.entries(stage?.figures ?? {}).flatMap(([name, value]) => {
      const [term, text] = [document.createElement("dt"), document.createElement("dd")];
      [term.textContent, text.textContent] = named(name, value);
      return [term, text];
    });
    card.querySelector("dl").replaceChildren(...rows);
  }
}

const UNITS = [["_per_s", "/s"], ["_ms", " ms"], ["_s", " s"], ["_bytes", " B"], ["_mb", " MB"], ["_percent", " %"]];

// "rate_per_s", 50 -> ["rate", "50/s"]
function named(name, value) {
  const [ending, unit] = UNITS.find(([end]) => name.endsWith(end)) ?? ["", ""];
  const words = name.slice(0, name.length - ending.length).replaceAll("_", " ");
  const text = figure(value);
  return [words, text === DASH ? text : text + unit];
}
