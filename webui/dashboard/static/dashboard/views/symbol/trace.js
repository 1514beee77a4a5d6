// One tick's way, from the question to Alpha Vantage to this screen, with the times that were measured on it.

import { empty, make } from "../../make.js";
import { dayAndClock, elapsed } from "../../moments.js";
import { barDate, price, whole } from "../../text.js";

// The layer over the page; `trace(tick)` opens it. `tick.seenAt`: when this screen got it, by the server's clock.
export function traceLayer({ app, scope, symbol }) {
  const body = make("div", { class: "body" });
  const title = make("h2", { id: "trace-title" });
  const close = make("button", { type: "button", class: "button", text: "Close", on: { click: () => element.close() } });
  const element = make("dialog", { class: "trace-layer", "aria-labelledby": "trace-title" }, make("div", { class: "controls" }, title, close), body);
  element.addEventListener("click", (event) => event.target === element && element.close()); // beside the panel
  scope.add(() => element.close());
  let turn = 0;

  async function trace(tick) {
    const mine = ++turn;
    title.textContent = `${symbol}, tick ${whole(tick.seq)}`;
    body.replaceChildren(make("div", { class: "skeleton", text: "Looking the tick up" }));
    if (!element.open) element.showModal();
    try {
      const found = await app.api.get(`/trace/${encodeURIComponent(symbol)}/${tick.seq}`, { session: tick.session });
      if (mine === turn) body.replaceChildren(...told(found, tick));
    } catch (error) {
      const again = make("button", { type: "button", class: "button", text: "Try again", on: { click: () => trace(tick) } });
      if (mine === turn) body.replaceChildren(empty("This tick's way is not known", error.detail || error.title, again));
    }
  }

  return { element, trace };
}

function told(found, tick) {
  const steps = stepsOf(found, tick);
  let before = null;
  const lines = steps.map((step) => {
    const line = stepLine(step, before);
    if (step.at) before = step.at;
    return line;
  });
  const { price: paid, size, event_time: at } = found.tick;
  return [
    make("p", { class: "paid" }, make("strong", { text: price(paid) }), ` × ${whole(size)} shares, planned for ${dayAndClock(at, 3)} UTC. Simulated.`),
    make("ol", { class: "steps" }, ...lines),
    make("h3", { text: "The tick, byte for byte" }), make("p", { class: "small quiet", text: "Made again just now from the session's plan and seed; it stands on Kafka like this." }),
    make("pre", { tabindex: "0" }, make("code", { text: found.line })),
  ];
}

// Each: {name, at, why, lines}; `at` null: it is not known, and `why` says so.
function stepsOf({ fetch, bar, session, plan, times }, { seenAt }) {
  return [...ingested(fetch, bar), ...planned(session, plan), ...passed(times, seenAt)];
}

function ingested(fetch, bar) {
  const { record, request } = fetch;
  const { played } = bar;
  const asked = request ? Object.entries(request).map(([name, value]) => `${name}=${value}`).join("  ") : null;
  const day = `${bar.interval} bar of ${barDate(played.time)}: open ${price(played.open)}, high ${price(played.high)}, low ${price(played.low)}, close ${price(played.close)}, volume ${whole(played.volume)}`;
  const now = bar.now === null ? "It has been deleted since." : bar.replaced ? "It has other values now." : null;
  const made = played.synthetic ? "The simulator has seeded it: no market made it." : null;
  // A permit is for a moment, and the request leaves at it; a fetch may have begun before, and waited for its turn.
  const sent = fetch.permits.at(-1) ?? null;
  const begun = record && sent ? `its fetch ${record.id} had begun at ${dayAndClock(record.started_at, 3)} UTC` : record && `fetch ${record.id}`;
  const steps = [
    { name: "Alpha Vantage was asked", at: sent ?? record?.started_at, why: fetch.why, lines: [asked, begun, fetch.note], code: asked },
    { name: "The bar was stored in MongoDB", at: record?.stored_at, why: fetch.why, lines: [day, made, now] },
  ];
  if (fetch.events.length === 0) steps.push({ name: "Its event was published on SNS", at: null, why: fetch.why ?? "no event is noted", lines: [] });
  for (const event of fetch.events) steps.push({ name: `${event.type} was published on SNS`, at: event.at, lines: [`message ${event.message_id}`] });
  return steps;
}

function planned(session, plan) {
  return [
    { name: "The session was opened", at: session.id, lines: [`seed ${session.seed}, ${session.interval} bars`] },
    {
      name: "The tick was planned for", at: plan.planned_at,
      lines: [`shard ${plan.shard}, leg ${plan.leg}, beat ${whole(plan.beat)}, speed ${plan.speed}×`, `trace ${plan.trace_id}`],
    },
  ];
}

function passed(times, seenAt) {
  const screen = seenAt ? { at: new Date(seenAt).toISOString() } : { at: null, why: "not measured: this screen did not see it come" };
  return [
    { name: "A driver made its batch", ...times.tick },
    { name: "A receiver wrote it into the table", ...times.buffer },
    { name: "It was committed to Kafka", ...times.forward },
    { name: "It was read back, checked and shown", ...times.show },
    { name: "It was on this screen", ...screen },
  ];
}

function stepLine({ name, at, why, lines = [], code }, before) {
  const known = at !== null && at !== undefined;
  const time = make("time", { text: known ? `${dayAndClock(at, 3)} UTC` : "time not known" });
  if (known) time.dateTime = at;
  const since = known && before !== null ? Date.parse(at) - Date.parse(before) : null;
  const apart = since === null ? "" : since >= 0 ? `+ ${elapsed(since)}` : `${elapsed(-since)} before`;
  const words = lines.filter(Boolean).map((text) => make("p", { class: text === code ? "small mono" : "small quiet", text }));
  const reason = known ? [] : [make("p", { class: "small quiet", text: why ?? "why is not known" })];
  return make("li", { "data-known": known ? "yes" : "no" }, make("div", { class: "line" }, make("strong", { text: name }), make("span", { class: "apart small", text: apart })), make("p", { class: "small" }, time), ...words, ...reason);
}
