// Alerts: what fires, the rules with their state, the history as it comes, and trying a rule on what is stored.

import { make } from "../make.js";
import { History } from "./alerts/history.js";
import { Rules } from "./alerts/rules.js";
import { Trial } from "./alerts/trial.js";

const AGAIN_MS = 15000;
const SOON_MS = 500; // after an alert was told of: its notices go out meanwhile

export function open(root, app) {
  root.className = "alerts";
  const summary = make("p", { class: "summary", role: "status" });
  const history = new History(app);
  const rules = new Rules(app, (firing) => say(summary, firing));
  const trial = new Trial(app);
  root.append(
    make("header", { class: "title" }, make("h1", { text: "Alerts" }), summary),
    make("div", { class: "columns" }, history.element, make("div", { class: "side" }, rules.element, trial.element)),
  );

  function load() {
    if (document.hidden) return;
    history.load();
    rules.load();
  }

  let soon = null;
  const timer = setInterval(load, AGAIN_MS);
  const end = app.store.on("events", (rows) => {
    if (!rows.some((row) => row.kind === "alert")) return;
    clearTimeout(soon);
    soon = setTimeout(load, SOON_MS);
  });
  document.addEventListener("visibilitychange", load);
  load();
  return () => {
    end();
    clearInterval(timer);
    clearTimeout(soon);
    document.removeEventListener("visibilitychange", load);
  };
}

function say(summary, firing) {
  const words = firing === 0 ? "Nothing fires." : firing === 1 ? "One alert fires." : `${firing} alerts fire.`;
  if (summary.textContent === words) return; // else it would be spoken again each time
  summary.textContent = words;
  summary.dataset.level = firing === 0 ? "good" : "bad";
}
