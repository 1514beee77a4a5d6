// What ends with a view: its listeners and timers; and whether it is open still, for what an answer that comes late may touch.

export class Scope {
  constructor() {
    this.open = true;
    this.ends = [];
  }

  add(end) {
    this.ends.push(end);
  }

  listen(target, event, listener) {
    target.addEventListener(event, listener);
    this.add(() => target.removeEventListener(event, listener));
  }

  // Runs `work` now and each `ms`, one at a time, and not while nobody looks. Returns a function that runs it at once.
  every(ms, work) {
    let running = false;
    const run = async () => {
      if (running || !this.open) return;
      running = true;
      await work();
      running = false;
    };
    const timer = setInterval(() => document.hidden || run(), ms);
    this.add(() => clearInterval(timer));
    run();
    return run;
  }

  close() {
    this.open = false;
    for (const end of this.ends.splice(0)) end();
  }
}
