// A fetch in words, and following one until it ends.

import { clock } from "./moments.js";
import { whole } from "./text.js";

export const ENDED = ["succeeded", "failed"];
const LOOK_MS = 1000;
const PATIENCE = 5; // looks in a row that may fail

// Where a fetch stands, after the name of its state.
export function detail(fetch) {
  const { state, reason, retry_at: again, change } = fetch;
  if (state === "queued") return "a worker takes it in a moment";
  if (state === "running") return fetch.stored_at ? "stored; its event is being published" : "Alpha Vantage is being asked";
  if (state === "waiting") return [again && `until ${clock(again, 0)} UTC`, reason].filter(Boolean).join(": ") || "for its turn";
  if (state === "failed") return reason ?? "no reason is known";
  return change ? changed(change) : "the answer is stored";
}

export function standing(fetch) {
  return `${fetch.state}: ${detail(fetch)}`;
}

function changed({ inserted, replaced, revised }) {
  const parts = [[inserted, "new"], [replaced, "changed"]].filter(([count]) => count > 0);
  if (parts.length === 0) return "nothing is new";
  const history = revised ? `; of the changed ones ${whole(revised)} were settled: history is another now` : "";
  return `${parts.map(([count, word]) => `${whole(count)} ${word}`).join(" and ")} bars${history}`;
}

// Calls `told(fetch)` at each look until the fetch has ended; resolves to it. Null: `scope` was closed, or nobody answers.
export async function follow(api, id, scope, told = () => undefined) {
  let failures = 0;
  while (scope.open && failures < PATIENCE) {
    try {
      const fetch = await api.get(`/fetches/${encodeURIComponent(id)}`);
      failures = 0;
      if (!scope.open) return null;
      told(fetch);
      if (ENDED.includes(fetch.state)) return fetch;
    } catch {
      failures += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return null;
}
