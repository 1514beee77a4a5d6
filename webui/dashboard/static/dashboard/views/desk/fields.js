// Fields with their label, hint and error; and an API's refusal told at the field that it names.

import { make } from "../../make.js";

let count = 0;

// {element, input, fail(text)}; `fail("")` takes the error away.
export function field(label, input, hint = "") {
  const id = `field-${(count += 1)}`;
  const error = make("span", { class: "error", id: `${id}-error` });
  input.id = id;
  const parts = [make("label", { for: id, text: label }), input, error];
  if (hint) parts.push(make("span", { class: "small", id: `${id}-hint`, text: hint }));
  input.setAttribute("aria-describedby", [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" "));
  return {
    element: make("div", { class: "field" }, ...parts),
    input,
    fail(text) {
      error.textContent = text;
      if (text) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    },
  };
}

// The symbols of a text: "aapl, msft" -> ["AAPL", "MSFT"]. What is no symbol stays: the server names the rule.
export function symbolsOf(text) {
  return [...new Set(text.toUpperCase().split(/[\s,;]+/).filter(Boolean))];
}

// A form whose one action talks to the server. `fields`: by the API's names; `act()` resolves to what is said when it worked,
// or to null when nothing was done. `listed`: for each field of several values these values, so that an error names the one.
export function form({ fields, button, act, app, listed = {} }, ...children) {
  const result = make("p", { class: "result small", role: "status" });
  const element = make("form", { novalidate: true }, ...children, make("div", { class: "row" }, button, result));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    Object.values(fields).forEach((one) => one.fail(""));
    button.disabled = true;
    result.textContent = "";
    try {
      const done = await act();
      if (done !== null) tell(result, done, "good", app);
    } catch (error) {
      const marked = refusal(error, fields, listed);
      if (marked) Object.assign(result, { textContent: marked }).dataset.kind = "bad";
      else tell(result, error.detail || error.title || String(error), "bad", app);
    }
    button.disabled = false;
  });
  return element;
}

// Also as a message, for who looks elsewhere by now.
export function tell(result, text, kind, app) {
  result.textContent = text;
  result.dataset.kind = kind;
  app.say(text, kind);
}

// Puts each error at its field, goes to the first one, and returns what is left to say; null: no field is to blame.
function refusal(error, fields, listed) {
  let first = null;
  const rest = [];
  for (const { field: name, rule } of error.errors ?? []) {
    const [, key, at] = /([a-z_]+)(?:\[(\d+)\])?$/.exec(name) ?? [];
    const one = fields[key];
    const value = at === undefined ? undefined : listed[key]?.()[Number(at)];
    if (one) {
      one.fail(value === undefined ? rule : `${value}: ${rule}`);
      first ??= one;
    } else rest.push(`${name}: ${rule}`);
  }
  first?.input.focus();
  if (first === null) return null;
  return rest.length ? rest.join("; ") : "Nothing was changed: see the field that is marked.";
}
