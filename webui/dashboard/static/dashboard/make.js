// Elements, made in one line. Text goes in as textContent, never as markup.

// make("td", { class: "number", text: "5", scope: "row" }, child, …)
export function make(name, { text, class: classes, on = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(name);
  if (classes) element.className = classes;
  if (text !== undefined) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, "");
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value);
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children);
  return element;
}

// What stands where there is nothing to show: a headline, and why.
export function empty(title, text, ...children) {
  return make("div", { class: "empty" }, make("strong", { text: title }), make("p", { text }), ...children);
}
