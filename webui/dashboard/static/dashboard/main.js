// The page: one connection, three views of it. All text goes in as textContent, never as markup.

import { Board } from "./board.js";
import { Live } from "./live.js";
import { Stages } from "./stages.js";
import { Ticker } from "./ticker.js";

const element = (id) => document.getElementById(id);
const board = new Board(element("board"));
const stages = new Stages(element("stages"));
new Ticker(element("ticker"), board.ticks);

const SOURCES = {
  simulator: "simulated ticks · bars of the Alpha Vantage simulator",
  alphavantage: "simulated ticks · real bars of Alpha Vantage",
};

function onFrame(frame) {
  if (frame.ticks) {
    board.update(frame.ticks, frame.type === "ticks");
    const source = frame.ticks.at(-1)?.source;
    if (source) element("source").textContent = SOURCES[source] ?? `simulated ticks · bars of ${source}`;
  }
  if (frame.stages) stages.update(frame.stages);
}

function onState(state, words) {
  // Spoken once a change of state; the visible words count seconds.
  if (element("connection").dataset.state !== state) element("spoken").textContent = `Live data: ${state}`;
  element("connection").dataset.state = state;
  element("connection-text").textContent = words;
  document.body.classList.toggle("old", state !== "connected");
}

new Live(onFrame, onState);
