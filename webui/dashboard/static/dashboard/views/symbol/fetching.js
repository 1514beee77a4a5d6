// Asking for a symbol's bars from its own view.

import { follow, standing } from "../../following.js";
import { make } from "../../make.js";

// A button that fetches, and says beside itself how that goes; `done()` after it has succeeded.
export function fetchButton({ app, scope, symbol }, done) {
  const words = make("p", { class: "small quiet words", role: "status" });
  const button = make("button", { type: "button", class: "button primary", text: `Fetch ${symbol}`, on: { click: run } });

  async function run() {
    button.disabled = true;
    words.textContent = "asking …";
    try {
      const { fetches } = await app.api.post("/fetches", { symbols: [symbol] });
      const ended = await follow(app.api, fetches[0].id, scope, (fetch) => (words.textContent = standing(fetch)));
      if (ended?.state === "succeeded") done();
      else if (scope.open && ended === null) words.textContent = "The server does not say how the fetch goes; the desk lists the newest ones.";
    } catch (error) {
      words.textContent = error.detail || error.title;
    }
    button.disabled = false;
  }

  return make("div", { class: "fetching" }, button, words);
}
