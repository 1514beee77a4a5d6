// Short messages, and the one question that is asked before something ends.

const SHOWN_MS = { good: 5000, info: 5000, bad: 12000 };

// `kind`: good, bad or info. Also spoken.
export function say(text, kind = "info") {
  const box = document.getElementById("toasts");
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.dataset.kind = kind;
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "×";
  close.onclick = () => toast.remove();
  toast.append(words, close);
  box.append(toast);
  setTimeout(() => toast.remove(), SHOWN_MS[kind]);
}

// Resolves to whether it was confirmed.
export function confirm({ title, text, yes = "Yes", danger = false }) {
  const dialog = document.getElementById("question");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("p").textContent = text;
  const button = dialog.querySelector("[value=yes]");
  button.textContent = yes;
  button.className = danger ? "button danger" : "button primary";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
