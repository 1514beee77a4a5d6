// The connection to /ws/live: reconnects by itself, and says in words how it stands.

const STALE_MS = 3000; // no frame for this long: what is shown is not live any more
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;

export class Live {
  // onFrame(frame) gets every frame but heartbeats; onState(state, words) every change.
  constructor(onFrame, onState) {
    this.onFrame = onFrame;
    this.onState = onState;
    this.failures = 0;
    this.lastFrame = null; // performance.now() of the last one since this connection opened
    this.opened = null;
    this.shown = "";
    setInterval(() => this.look(), 500);
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.retryAt = null;
    this.socket = new WebSocket(`${scheme}://${location.host}/ws/live`);
    this.socket.onopen = () => {
      this.opened = performance.now();
      this.lastFrame = null;
      this.look();
    };
    this.socket.onmessage = (event) => {
      const frame = JSON.parse(event.data);
      if (frame.type === "hb") return;
      // A snapshot may be of long ago: it shows the last known figures, but it is no sign of life.
      if (frame.type !== "snapshot") {
        this.lastFrame = performance.now();
        this.failures = 0;
      }
      this.onFrame(frame);
      this.look();
    };
    this.socket.onclose = () => {
      this.opened = null;
      // Full jitter: a thousand browsers must not all come back in the same moment.
      const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures);
      const wait = 200 + Math.random() * longest;
      this.failures += 1;
      this.retryAt = performance.now() + wait;
      setTimeout(() => this.connect(), wait);
      this.look();
    };
  }

  look() {
    const now = performance.now();
    if (this.opened === null) {
      const left = this.retryAt === null ? 0 : Math.max(0, Math.ceil((this.retryAt - now) / 1000));
      return this.say(this.failures === 0 ? "connecting" : "reconnecting", this.failures === 0 ? "connecting" : left ? `reconnecting in ${left} s` : "reconnecting");
    }
    const since = now - (this.lastFrame ?? this.opened);
    if (since > STALE_MS) {
      const seconds = Math.floor(since / 1000);
      return this.say("stale", this.lastFrame === null ? `stale: connected, but no frame for ${seconds} s` : `stale: no frame for ${seconds} s`);
    }
    this.say("connected", "connected");
  }

  say(state, words) {
    if (this.shown === words) return;
    this.shown = words;
    this.onState(state, words);
  }
}
