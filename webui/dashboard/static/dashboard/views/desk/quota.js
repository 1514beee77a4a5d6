// What the key's plan leaves today.

import { make } from "../../make.js";
import { clock, elapsed } from "../../moments.js";
import { whole } from "../../text.js";

const LOOK_MS = 5000;

export function quotaPanel({ app, scope }) {
  const left = make("p", { class: "big", text: "–" });
  const meter = make("div", { class: "meter", role: "img", "aria-label": "not known yet", hidden: true }, make("span", { class: "used" }), make("span", { class: "kept" }));
  const lines = make("ul", { class: "small quiet lines" }, make("li", { text: "asking …" }));
  const element = make("section", { class: "panel quota", "aria-labelledby": "quota-title" }, make("h2", { id: "quota-title", text: "Requests left today" }), left, meter, lines);
  const look = scope.every(LOOK_MS, async () => {
    try {
      show(await app.api.get("/quota"));
    } catch (error) {
      lines.replaceChildren(make("li", { text: `Not available: ${error.detail || error.title}` }));
    }
  });

  function show(quota) {
    const limited = quota.per_day !== null;
    left.textContent = limited ? whole(quota.left) : "no limit";
    if (limited) left.append(make("span", { class: "quiet of", text: ` of ${whole(quota.per_day)}` }));
    meter.hidden = !limited;
    if (limited) {
      const [used, kept] = meter.children;
      used.style.width = `${Math.min(100, (quota.used / quota.per_day) * 100)}%`;
      kept.style.width = `${Math.max(0, Math.min(100, ((quota.left - quota.left_for_plan) / quota.per_day) * 100))}%`;
      meter.setAttribute("aria-label", `${quota.used} of ${quota.per_day} used; ${quota.left - quota.left_for_plan} kept for what people ask for`);
    }
    lines.replaceChildren(...told(quota, limited).map((text) => make("li", { text })));
  }

  return { element, look };
}

function told(quota, limited) {
  const lines = [`${whole(quota.used)} used, ${whole(quota.by_hand)} of them by hand; the plan is “${quota.plan}”`];
  if (limited) {
    lines.push(`${whole(quota.left_for_plan)} left for what is planned: ${whole(quota.reserve)} are kept for people`);
    lines.push(`the next day's begin in ${elapsed(Date.parse(quota.resets_at) - Date.now())}, at ${clock(quota.resets_at, 0)} UTC`);
  }
  if (quota.closed) lines.push("Alpha Vantage has said that the day's requests are used");
  if (quota.paused_until) lines.push(`Alpha Vantage has asked for slower requests: none until ${clock(quota.paused_until, 0)} UTC`);
  for (const { name, used: now, limit } of quota.windows) lines.push(`${name}: ${whole(now)} of ${whole(limit)}`);
  return lines;
}
