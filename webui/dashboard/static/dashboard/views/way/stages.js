// The stages as people read them, in the order of pipeline/flow.py, and the whole in one sentence.

export const DONE = "All eight stages are well.";

export const ROLES = [
  { name: "ingest", title: "Ingest worker", stages: [
    { name: "fetch", does: "asks Alpha Vantage, within the quota", over: "Celery chain", unit: "replies" },
    { name: "store", does: "keeps new and changed bars in MongoDB", over: "Celery chain", unit: "bars" },
    { name: "publish", does: "announces what is stored", over: "SNS → SQS", unit: "events" },
  ] },
  { name: "driver", title: "Driver", stages: [
    { name: "listen", does: "opens a session, takes new symbols in", over: "MongoDB: the plan", unit: "events" },
    { name: "tick", does: "ten ticks a second of each symbol", over: "Celery batches", unit: "ticks" },
  ] },
  { name: "receiver", title: "Receiver", stages: [
    { name: "buffer", does: "writes batches to the durable table", over: "the table", unit: "ticks" },
    { name: "forward", does: "sends them on once and in order", over: "Kafka", unit: "ticks" },
  ] },
  { name: "monitor", title: "Monitor", stages: [
    { name: "show", does: "reads Kafka back and checks every number", over: "Redis → WebSocket", unit: "ticks" },
  ] },
];

// `reported`: name -> state. What is wrong comes first, in the stage's own words.
export function words(reported, live, stands) {
  if (!live) return `Nothing is known at the moment: ${stands}.`;
  if (reported.size === 0) return "No stage has reported yet.";
  const all = [...reported.values()];
  for (const [health, verb] of [["failing", "fails"], ["starting", "is starting"], ["waiting", "waits"]]) {
    const those = all.filter((stage) => stage.health === health);
    if (those.length > 0) return those.map((stage) => `${stage.stage} ${verb}${stage.message ? `: ${stage.message}` : ""}`).join(" · ");
  }
  return all.length === 8 ? DONE : `${all.length} of 8 stages have reported.`;
}
