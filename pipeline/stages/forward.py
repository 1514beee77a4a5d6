"""Stage 7, forward: each leased shard's batches from the table into the log, in order, each exactly once.

1. Open the log for the shard: that fences every earlier forwarder; then its checkpoint is read back. A log without one (an
   embedded broker that was started anew) goes on from the copy in the table. The batches of what was open are read again.
2. Append what follows the checkpoint without a gap: ticks, the live bars that they finish, and the checkpoint in one transaction.
   Of a shard that is silent for the age of a gap, the bars whose windows are over are finished, too.
3. A gap older than 3 s is asked for again from any driver.
4. Forwarded rows that no open bar needs leave the table after the retention; where it has no room at once, whoever needs them:
   what waits goes before what is kept.
"""

from collections.abc import Callable

from pipeline.domain.errors import Fenced, TickerlineError, Unavailable
from pipeline.domain.rules import TickRules
from pipeline.ports.clock import Clock
from pipeline.ports.lease import Leases
from pipeline.ports.table import Room
from pipeline.stages.backlog import Waiting
from pipeline.stages.chain import Watermark
from pipeline.stages.forward_shard import TICKS, ShardForwarder
from pipeline.stages.meter import Meter
from pipeline.stages.share import Share

_IDLE_S = 0.05  # until it looks for what another receiver has stored
_QUIET_S, _QUIET_IDLE_S = 1.0, 0.25  # after so long without any: a look is a read for each shard
_LOOK_S = 1.0
_CATCHING_UP_MS = 1000
_CROWDED = 0.8  # of the table in use: forwarded rows do not wait for their retention


class Forward:
    """The shards that this receiver has leased."""

    def __init__(
        self, make: Callable[[int], ShardForwarder], watermark: Watermark, leases: Leases, clock: Clock,
        rules: TickRules, meter: Meter, holder: str, room: Callable[[], Room | None],
    ) -> None:  # fmt: skip
        """`room` is the table's."""
        self._make, self._watermark, self._table_room = make, watermark, room
        self._clock, self._rules, self._meter = clock, rules, meter
        self._share = Share(leases, "forward", holder, rules)
        self._shards: dict[int, ShardForwarder] = {}
        self._poll_at = self._confirm_at = self._look_at = self._quiet_at = 0.0
        self._room: Room | None = None
        self._waiting = Waiting()

    def step(self) -> float:
        """Forward what is there for every leased shard; returns the seconds to wait. Raises Unavailable."""
        now = self._clock.monotonic()
        self._look()
        self._poll()
        if now >= self._confirm_at:
            self._confirm_at = now + 1.0
            self._watermark.advance(dict.fromkeys(self._shards, ()))  # a Redis that lost it learns it again
        sent = 0
        failed: TickerlineError | None = None
        for shard in list(self._shards):
            try:
                self._poll()  # the shards before may have taken longer than a lease lasts
            except TickerlineError as error:
                failed = error
            if shard not in self._shards:
                continue
            try:
                sent += self._shards[shard].step()
            except Fenced as error:
                self._drop(shard)
                failed = Unavailable(str(error))
            except TickerlineError as error:
                failed = error  # one shard's trouble is not the others'
        if failed:
            raise self._in_words(failed)
        self._report()
        if sent >= TICKS:
            return 0.0
        now = self._clock.monotonic()
        if sent:
            self._quiet_at = now + _QUIET_S
        return _IDLE_S if now < self._quiet_at else _QUIET_IDLE_S

    def release(self) -> None:
        for shard in list(self._shards):
            self._drop(shard)
        self._share.release()

    def _poll(self) -> None:
        """Twice a second, by the rules. Raises Unavailable."""
        if (now := self._clock.monotonic()) < self._poll_at:
            return
        self._poll_at = now + self._rules.lease_poll_s
        held = self._share.keep().held  # who opened a shard's log meanwhile has fenced this one
        for shard in set(self._shards) - held:
            self._drop(shard)
        for shard in held - set(self._shards):
            self._shards[shard] = self._make(shard)

    def _look(self) -> None:
        """Once a second."""
        if self._clock.monotonic() < self._look_at:
            return
        self._look_at = self._clock.monotonic() + _LOOK_S
        self._room = room = self._table_room()
        crowded = room is not None and (room.full or room.used > _CROWDED * room.limit)
        self._waiting = sum((one.look(crowded) for one in self._shards.values()), Waiting())
        self._meter.gauge("waiting_batches", self._waiting.batches)
        self._meter.gauge("waiting_ticks", self._waiting.ticks)
        self._meter.gauge("lag_ms", round(self._waiting.lag_ms))
        self._meter.gauge("log_away_s", round(self._away_s() or 0.0, 1))
        self._meter.gauge("shards", len(self._shards))
        self._meter.by_shard("held", dict.fromkeys(self._shards, 1))

    def _away_s(self) -> float | None:
        since = [one.away_since for one in self._shards.values() if one.away_since is not None]
        return self._clock.monotonic() - min(since) if since else None

    def _in_words(self, error: TickerlineError) -> TickerlineError:
        """Kafka's absence is told with what it leads to; any other trouble as it is."""
        away_s = self._away_s()
        if away_s is None:
            return error
        self._look()  # the answer may have been waited for a while
        return Unavailable(f"the log has been away for {away_s:.0f} s: {self._waiting.words(self._room)} ({error})")

    def _drop(self, shard: int) -> None:
        self._shards.pop(shard).close()

    def _report(self) -> None:
        if self._waiting.lag_ms > _CATCHING_UP_MS:
            self._meter.ok(f"catching up: {self._waiting.words(self._room)}")
        elif self._shards:
            self._meter.ok()
        else:
            self._meter.ok("stand-by: another receiver has the shards")
