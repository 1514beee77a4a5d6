// The operator's desk: what plays and where it goes, fetches, back-fills, and what the day's quota leaves.

import { make } from "../make.js";
import { Scope } from "../scope.js";
import { backfillPanel } from "./desk/backfills.js";
import { fetchPanel } from "./desk/fetches.js";
import { quotaPanel } from "./desk/quota.js";
import { streamPanel } from "./desk/stream.js";

export function open(root, app) {
  const scope = new Scope();
  const desk = { app, scope };
  root.className = "desk";
  const quota = quotaPanel(desk);
  const column = (...panels) => make("div", { class: "column" }, ...panels.map((panel) => panel.element));
  root.append(head(app.user), column(streamPanel(desk), backfillPanel(desk)), column(quota, fetchPanel(desk, () => quota.look())));
  return () => scope.close();
}

function head({ name, staff, mayDirect, mayBackFill, mayFetch }) {
  const element = make("header", { class: "title" }, make("h1", { text: "Desk" }));
  if (staff) {
    const may = [[mayDirect, "direct the stream"], [mayFetch, "fetch"], [mayBackFill, "start back-fills"]].filter(([given]) => given).map(([, what]) => what);
    element.append(make("p", { class: "quiet", text: `Signed in as ${name}. You may ${may.length ? may.join(", ") : "look at everything, and change nothing"}.` }));
    return element;
  }
  const open = mayFetch ? " Anybody on this machine may fetch symbols." : "";
  element.append(make("p", { class: "quiet" },
    `Here the stream is directed, and symbols are fetched. What plays is for everybody to see; changing it is for who is signed in.${open} `,
    make("a", { href: `/admin/login/?next=${encodeURIComponent("/desk")}`, text: "Sign in" })));
  return element;
}
