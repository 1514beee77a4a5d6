// Dark or light: as the system says until somebody chooses; a choice is kept in this browser.
// Loaded before the page is painted, as a plain script: nothing flashes.

(() => {
  const KEY = "tickerline-theme";
  const root = document.documentElement;
  const kept = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // no storage here: the system's theme holds
    }
  };
  const chosen = kept();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

  const now = () => root.dataset.theme ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
  window.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => (button.textContent = now() === "dark" ? "Light theme" : "Dark theme");
    label();
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", label);
    button.addEventListener("click", () => {
      root.dataset.theme = now() === "dark" ? "light" : "dark";
      try {
        localStorage.setItem(KEY, root.dataset.theme);
      } catch {
        // it holds until the page is left
      }
      label();
      window.dispatchEvent(new Event("themechange"));
    });
  });
})();
