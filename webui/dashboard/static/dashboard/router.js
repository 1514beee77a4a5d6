// Which view a path is, and going from one to the other without leaving the page. Links are ordinary links.

const ROUTES = [
  [/^\/(dashboard\/)?$/, "board"],
  [/^\/symbols\/([^/]+)$/, "symbol"],
  [/^\/way$/, "way"],
  [/^\/activity$/, "activity"],
  [/^\/alerts$/, "alerts"],
  [/^\/desk$/, "desk"],
];

// {view, params} of a path; null: it is none of ours, and the browser goes there.
export function route(path) {
  for (const [pattern, view] of ROUTES) {
    const found = pattern.exec(path);
    if (found) return { view, params: view === "symbol" ? { symbol: decodeURIComponent(found[1]) } : {} };
  }
  return null;
}

export class Router {
  // `show(view, params)` is called at the start and whenever the path changes.
  constructor(show) {
    this.show = show;
    addEventListener("popstate", () => this.look());
    document.addEventListener("click", (event) => this.clicked(event));
    this.look();
  }

  go(path) {
    if (route(new URL(path, location.href).pathname) === null) return location.assign(path);
    if (path !== location.pathname + location.search) history.pushState(null, "", path);
    scrollTo(0, 0);
    return this.look();
  }

  look() {
    const { view, params } = route(location.pathname) ?? { view: "board", params: {} };
    this.show(view, params);
  }

  clicked(event) {
    const link = event.target.closest("a[href]");
    const other = event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (!link || other || link.target || link.origin !== location.origin || link.hasAttribute("download")) return;
    if (link.hash || route(link.pathname) === null) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}
