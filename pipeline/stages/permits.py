"""A permit before every request: what a stage does between the ledger's answer and the moment at which it may send."""

from datetime import timedelta

from pipeline.domain.errors import MarketDataError, MarketDataKind, Unavailable
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.quota import BY_HAND, Plan, Refusal
from pipeline.ports.clock import Clock
from pipeline.ports.fetch_store import FetchStore
from pipeline.ports.quota_ledger import QuotaLedger

_TRIES = 3
_BREATH = timedelta(seconds=1)


class Permits:
    def __init__(self, ledger: QuotaLedger, fetches: FetchStore, clock: Clock, plan: Plan, reserve: int) -> None:
        self._ledger, self._fetches, self._clock = ledger, fetches, clock
        self._plan, self._reserve = plan, reserve

    @property
    def plan_name(self) -> str:
        return self._plan.name

    def acquire(self, record: FetchRecord) -> Refusal | None:
        """None: one request may be sent now. It has waited for that, for at most a few seconds.

        The record says that a request was sent before it is: an emptied ledger then counts one too many rather than one too few.
        Raises Unavailable.
        """
        hand = record.requested_by in BY_HAND
        for _ in range(_TRIES):
            now = self._clock.now()
            permit = self._ledger.take(now, hand)
            answered = self._clock.monotonic()
            if isinstance(permit, Refusal):
                return permit
            self._fetches.note_sent(record.id, permit.send_at)
            wait_s = (permit.send_at - now).total_seconds() - (self._clock.monotonic() - answered)
            self._clock.sleep(max(0.0, wait_s))
            if self._ledger.redeem(permit, self._clock.now()):
                return None
            self._fetches.forget_sent(record.id, permit.send_at)
        return Refusal(self._clock.now() + _BREATH, "second")  # a machine too busy to keep an appointment

    def reason(self, refusal: Refusal) -> str:
        return refusal.reason(self._plan, self._reserve)

    def learn(self, error: MarketDataError) -> None:
        """What Alpha Vantage says of our requests holds for everybody who shares the key."""
        now = self._clock.now()
        try:
            if error.kind == MarketDataKind.DAILY:
                self._ledger.close_day(now)
            elif error.kind in (MarketDataKind.BURST, MarketDataKind.MINUTE) and error.wait_s:
                self._ledger.pause(now, error.wait_s)
        except Unavailable:
            return  # the record tells it to the ledger that is there next
