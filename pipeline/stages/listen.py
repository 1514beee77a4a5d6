"""Stage 4, listen: hears `bars.stored`, knows which symbols are ready, opens a session at the threshold.

Events make it quick; MongoDB makes it right: at start and every 30 s readiness is taken from the store, so that a lost,
repeated or reordered event changes nothing.
"""

from pipeline.domain import logs
from pipeline.domain.errors import InvalidValue
from pipeline.domain.events import BarsStored
from pipeline.domain.rules import TickRules
from pipeline.domain.times import to_ms
from pipeline.ports.bar_store import BarStore
from pipeline.ports.clock import Clock
from pipeline.ports.event_bus import Delivery, EventQueue
from pipeline.ports.plan_store import PlanStore
from pipeline.stages.meter import Meter
from pipeline.stages.opening import Wish, propose_session

_RECONCILE_S = 30.0


class Listen:
    def __init__(
        self, queue: EventQueue, bars: BarStore, plan: PlanStore, clock: Clock, rules: TickRules, meter: Meter,
        source: str, wait_s: float = 10.0,
    ) -> None:  # fmt: skip
        self._queue, self._bars, self._plan, self._clock = queue, bars, plan, clock
        self._rules, self._meter, self._source, self._wait_s = rules, meter, source, wait_s
        self._reconcile_at = 0.0
        self._missing = ""  # what a session still needs, in words

    def step(self) -> None:
        """Wait for events and act on them; now and then take readiness from the store. Raises Unavailable."""
        if self._clock.monotonic() >= self._reconcile_at:
            self.reconcile()
            self._reconcile_at = self._clock.monotonic() + _RECONCILE_S
        deliveries = self._queue.receive(self._wait_s)
        self._show()  # a queue that was away is back
        heard = [(delivery, event) for delivery in deliveries if (event := self._event(delivery))]
        if any(self._is_mine(event) for _, event in heard):
            self.reconcile()  # once for all of them: of thousands of symbols it takes a while
        for delivery, _ in heard:
            self._queue.delete(delivery)
            self._acted_on(delivery.sent_at)

    def hear(self, body: str, sent_at: float) -> None:
        """An event that was not in the queue, and when it was sent, seconds since 1970. Raises InvalidValue, Unavailable."""
        event = BarsStored.from_json(body)
        logs.trace(event.trace_id)
        if self._is_mine(event):
            self.reconcile()
        self._acted_on(sent_at)

    def _is_mine(self, event: BarsStored) -> bool:
        return (event.source, event.interval) == (self._source, self._rules.interval)

    def _acted_on(self, sent_at: float) -> None:
        self._meter.count()
        self._meter.latency(max(0.0, self._clock.now().timestamp() - sent_at))

    def _event(self, delivery: Delivery) -> BarsStored | None:
        try:
            return BarsStored.from_json(delivery.body)
        except InvalidValue as error:
            # Not deleted: it comes again, and lands in the dead-letter queue where people can look at it.
            self._meter.add("malformed")
            self._show(f"a message is no event: {error}")
            return None

    def reconcile(self) -> None:
        """Open the first session once enough symbols are ready; admit the ready ones to the session that plays."""
        session = self._plan.current_session()
        ready = [s.symbol for s in self._bars.series(self._rules.interval)]
        self._meter.gauge("ready_symbols", len(ready))
        if session is None:
            now_ms = to_ms(self._clock.now())
            proposal = propose_session(self._bars, self._rules, self._source, now_ms, None, Wish())
            if proposal is None:
                self._missing = f"{len(ready)} of {self._rules.ready_symbols} symbols ready"
                self._show()
                return
            session = self._plan.open_session(proposal, None)
        members = set(session.members)
        new = [symbol for symbol in ready if session.admits and symbol not in members]
        if new:
            self._plan.admit(session.opened_ms, new)
        self._missing = ""
        self._show()

    def _show(self, message: str = "") -> None:
        if self._missing:
            self._meter.waiting(self._missing)
        else:
            self._meter.ok(message)
