// The connection to /ws/live: reconnects by itself, resumes where it was cut, and says in words how it stands.

const STALE_MS = 3000; // no frame for this long: what is shown is not live any more
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const PING_MS = 5000;

export class Live {
  // Feeds `store`: every frame, every change of state, and what the pings tell of the clocks.
  constructor(store) {
    this.store = store;
    this.failures = 0;
    this.lastFrame = null; // performance.now() of the last one since this connection opened
    this.opened = null;
    this.last = null; // {epoch, seq} of the last frame, to go on from
    this.pings = [];
    store.onWanted = () => this.subscribe();
    setInterval(() => this.look(), 500);
    setInterval(() => this.ping(), PING_MS);
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const query = new URLSearchParams({ topics: this.store.topics.join(), ...this.last });
    clearTimeout(this.timer);
    this.retryAt = null;
    this.topics = this.store.topics.join();
    const socket = new WebSocket(`${scheme}://${location.host}/ws/live?${query}`);
    this.socket = socket;
    socket.onopen = () => {
      this.opened = performance.now();
      this.lastFrame = null;
      this.subscribe();
      this.ping();
      this.look();
    };
    socket.onmessage = (event) => this.take(JSON.parse(event.data));
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.opened = null;
      // Full jitter: a thousand browsers must not all come back in the same moment.
      const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures);
      const wait = 200 + Math.random() * longest;
      this.failures += 1;
      this.retryAt = performance.now() + wait;
      this.timer = setTimeout(() => this.connect(), wait);
      this.look();
    };
  }

  // Somebody looks, or the network is back: no need to sit the wait out.
  hurry() {
    if (this.retryAt !== null) this.connect();
  }

  take(frame) {
    if (frame.type === "pong") return this.ponged(frame);
    if (frame.type === "error") return console.warn(`the server refused a message: ${frame.field}: ${frame.rule}`);
    // While `more` frames of the same moment follow, that moment is not one to go on from.
    if (!frame.more) this.last = { epoch: frame.epoch, seq: frame.seq };
    if (frame.type === "hb" || frame.type === "resumed") return;
    // A snapshot may be of long ago: it shows the last known figures, but it is no sign of life.
    if (frame.type !== "snapshot") {
      this.lastFrame = performance.now();
      this.failures = 0;
    }
    this.store.frame(frame);
    this.look();
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  // After a change of what the views want; the server answers with a snapshot.
  subscribe() {
    const topics = this.store.topics;
    if (this.topics === topics.join() || this.socket?.readyState !== WebSocket.OPEN) return;
    this.topics = topics.join();
    this.send({ op: "subscribe", topics, symbols: null });
  }

  ping() {
    this.send({ op: "ping", id: 0, t: Date.now() });
  }

  // As NTP does it: of the last pings the one with the shortest way tells the clocks' offset best.
  ponged({ t, at }) {
    const now = Date.now();
    this.pings = [...this.pings, { roundTripMs: now - t, offsetMs: Date.parse(at) - (t + now) / 2 }].slice(-8);
    this.store.clock = this.pings.reduce((best, ping) => (ping.roundTripMs < best.roundTripMs ? ping : best));
  }

  look() {
    const now = performance.now();
    if (this.opened === null) {
      if (this.failures === 0) return this.say("connecting", "connecting");
      const left = this.retryAt === null ? 0 : Math.max(0, Math.ceil((this.retryAt - now) / 1000));
      return this.say("reconnecting", left ? `reconnecting in ${left} s` : "reconnecting");
    }
    const since = now - (this.lastFrame ?? this.opened);
    if (since > STALE_MS) {
      const seconds = Math.floor(since / 1000);
      return this.say("stale", this.lastFrame === null ? `connected, but no frame for ${seconds} s` : `no frame for ${seconds} s`);
    }
    return this.say("connected", "live");
  }

  say(state, words) {
    if (this.store.connection.words === words) return;
    this.store.connection = { state, words };
    this.store.tell("connection", this.store.connection);
  }
}
