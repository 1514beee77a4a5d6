// The page: one connection, one store, the wall above, and the view that the path names.

import { Api } from "./api.js";
import { confirm, say } from "./dialogs.js";
import { Live } from "./live.js";
import { empty } from "./make.js";
import { Router } from "./router.js";
import { StatusBar } from "./statusbar.js";
import { Store } from "./store.js";
import { Wall } from "./wall.js";

const TITLES = { board: "Tickerline", way: "The way", activity: "Activity", alerts: "Alerts", desk: "Desk" };
const AGAIN_MS = 1000; // a view that is broken, and not only away, must not load the page again and again at once
const element = (id) => document.getElementById(id);
const { name, staff, mayDirect, mayBackFill, mayFetch } = document.body.dataset;
const kiosk = document.body.classList.contains("kiosk");

const app = {
  store: new Store(),
  api: new Api(),
  user: { name, staff: staff === "yes", mayDirect: mayDirect === "yes", mayBackFill: mayBackFill === "yes", mayFetch: mayFetch === "yes" },
  say,
  confirm,
  go: (path) => router.go(path),
};
new Wall(element("wall"), app.store, kiosk);
new StatusBar(element("status"), element("notice"), element("spoken"), app.store, app.api);
new Live(app.store);

let close = null; // ends the view that is open
let turn = 0; // a view that arrives after another was asked for is not opened

async function show(view, params) {
  const mine = ++turn;
  close?.();
  close = null;
  for (const link of document.querySelectorAll(".views a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = view === "board" ? "Tickerline" : `${params.symbol ?? TITLES[view]} · Tickerline`;
  const root = document.createElement("section");
  try {
    const { open } = await import(`./views/${view}.js`);
    if (mine !== turn) return;
    element("view").replaceChildren(root);
    close = open(root, app, params);
  } catch (error) {
    console.error(error);
    if (mine !== turn) return;
    element("view").replaceChildren(empty("This view could not be opened", "The server may be restarting. The page loads again when it is back."));
    reloads();
  }
}

// A browser may keep a module that could not be fetched as one that cannot be, so the page is loaded anew.
function reloads() {
  const began = performance.now();
  app.store.on("connection", ({ state }) => {
    if (state === "connected" && performance.now() - began > AGAIN_MS) location.reload();
  });
}

const router = kiosk ? null : new Router(show);
