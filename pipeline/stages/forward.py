"""Stage 7, forward: each leased shard's batches from the table into the log, in order, each exactly once.

1. Open the log for the shard: that fences every earlier forwarder; then its checkpoint is read back. A log without one (an
   embedded broker that was started anew) goes on from the copy in the table. The batches of what was open are read again.
2. Append what follows the checkpoint without a gap: ticks, the live bars that they finish, and the checkpoint in one transaction.
   Of a shard that is silent for the age of a gap, the bars whose windows are over are finished, too.
3. A gap older than 3 s is asked for again from any driver.
4. Forwarded rows that no open bar needs leave the table after the retention.
"""

from collections.abc import Callable, Iterator
from math import inf

from pipeline.domain.batches import TICK_FAMILY, Batch, Position, row_key, row_position, shard_rows
from pipeline.domain.errors import Fenced, TickerlineError, Unavailable
from pipeline.domain.live_bars import Checkpoint, LiveBar, LiveBars
from pipeline.domain.rules import TickRules
from pipeline.ports.batch_link import RepeatLink
from pipeline.ports.clock import Clock
from pipeline.ports.lease import Leases
from pipeline.ports.table import RowRange, Table
from pipeline.ports.tick_log import TickLog
from pipeline.stages.chain import Header, ShardNotes, Watermark, headers_after
from pipeline.stages.meter import Meter
from pipeline.stages.share import Share

_TICKS = 20_000  # of one transaction, or one batch more
_NOTE_S = 1.0
_AGE_OFF_S = 30.0
_IDLE_S = 0.02


class ShardForwarder:
    """One shard under one lease and one open log."""

    def __init__(
        self, shard: int, table: Table, notes: ShardNotes, log: TickLog, repeat: RepeatLink, clock: Clock,
        rules: TickRules, meter: Meter,
    ) -> None:  # fmt: skip
        self.shard = shard
        self._table, self._notes, self._log, self._repeat = table, notes, log, repeat
        self._clock, self._rules, self._meter = clock, rules, meter
        self.position: Position | None = None
        self._open = False
        self._bars, self._silent_since = LiveBars(), 0.0
        self._noted: Checkpoint | None = None
        self._note_at = self._age_off_at = 0.0
        self._gap: tuple[Position, float] | None = None  # the position after the gap, and when it was seen or asked for

    def step(self) -> int:
        """Forward what is there; returns the number of ticks. Raises Unavailable or Fenced; the log is closed then."""
        try:
            if not self._open:
                self._begin()
            batches = self._contiguous()
            bars = self._finished(batches)
            checkpoint = self._bars.checkpoint()
            if checkpoint and (batches or bars):
                self._log.append(batches, bars, checkpoint)
                self.position = checkpoint.position
                self._measure(batches)
                self._meter.add("bars", len(bars))
        except TickerlineError:
            self._open = False
            raise
        self._housekeeping()
        return sum(batch.n for batch in batches)

    def close(self) -> None:
        self._open = False
        self._log.close()

    def _begin(self) -> None:
        self._noted = self._notes.checkpoint(self.shard)
        checkpoint = self._log.open() or self._noted
        self._bars, self._silent_since = LiveBars(checkpoint), self._clock.monotonic()
        self.position = checkpoint.position if checkpoint else None
        if checkpoint and checkpoint.needed != checkpoint.position:
            for header, blocks in self._read(checkpoint.needed, checkpoint.position):
                self._bars.add(self._batch(header, blocks))
        self._open = True

    def _finished(self, batches: list[Batch]) -> list[LiveBar]:
        """The live bars that these batches finish; of a shard that is silent, those whose windows are over."""
        now, patience = self._clock.monotonic(), self._rules.gap_s
        if batches or self._gap:
            self._silent_since = now
        if now - self._silent_since >= patience:
            return self._bars.pass_over(int(self._clock.now().timestamp() - patience))
        return [bar for batch in batches for bar in self._bars.add(batch)]

    def _contiguous(self) -> list[Batch]:
        """The batches that follow the checkpoint without a gap, as far as one read goes."""
        batches: list[Batch] = []
        position = self.position
        for header, blocks in self._read(position, most=_TICKS):
            if not header.follows(position) and not (position is None and self._is_old(header)):
                self._watch_gap(position, header)
                return batches
            batches.append(self._batch(header, blocks))
            position = header.position
        self._gap = None
        return batches

    def _batch(self, header: Header, blocks: list[tuple[str, bytes]]) -> Batch:
        return Batch(self.shard, header.position, header.previous, 0, header.made_at, header.ticks, tuple(blocks))

    def _read(
        self, after: Position | None, upto: Position | None = None, most: float = inf
    ) -> Iterator[tuple[Header, list[tuple[str, bytes]]]]:
        """Whole batches of these positions (None: open), until there are `most` ticks."""
        first, last = shard_rows(self.shard)
        start, end = row_key(self.shard, after) if after else first, row_key(self.shard, upto) if upto else last
        rows = RowRange(start, end, start_inclusive=after is None)
        header: Header | None = None
        blocks: list[tuple[str, bytes]] = []
        ticks = 0
        for cell in self._table.scan(rows):  # a row has nothing but its header and its blocks, in this order
            if cell.family == TICK_FAMILY:
                blocks.append((cell.qualifier.decode(), cell.value))
                continue
            if header:
                yield header, blocks
                if ticks >= most:
                    return
            header, blocks = Header.of(cell), []
            ticks += header.ticks
        if header:
            yield header, blocks

    def _is_old(self, header: Header) -> bool:
        """With no checkpoint anywhere, the lowest row that nobody completed within the gap's age is the beginning."""
        return self._clock.now().timestamp() * 1000 - header.written_ms > 2000 * self._rules.gap_s

    def _watch_gap(self, position: Position | None, header: Header) -> None:
        now = self._clock.monotonic()
        if self._gap is None or self._gap[0] != header.position:
            self._gap = (header.position, now)
            self._meter.add("gaps")
        elif now - self._gap[1] >= self._rules.gap_s and position:
            self._repeat.ask(self.shard, position, header.position)
            self._gap = (header.position, now)
            self._meter.add("asked_again")

    def _measure(self, batches: list[Batch]) -> None:
        now = self._clock.now().timestamp()
        for batch in batches:
            self._meter.latency(max(0.0, now - batch.made_at))
        self._meter.count(sum(batch.n for batch in batches))

    def _housekeeping(self) -> None:
        """The copy of the checkpoint, which never runs ahead of the log; and the retention."""
        now = self._clock.monotonic()
        if now >= self._note_at:
            self._note_at = now + _NOTE_S
            checkpoint = self._bars.checkpoint()
            if checkpoint and checkpoint != self._noted:
                self._notes.note_checkpoint(self.shard, checkpoint)
                self._noted = checkpoint
        if self._noted and self._noted.needed and now >= self._age_off_at:
            self._age_off_at = now + _AGE_OFF_S
            self._age_off(self._noted.needed)

    def _age_off(self, upto: Position) -> None:
        cutoff = self._clock.now().timestamp() * 1000 - self._rules.retention_s * 1000
        old = [h for h in headers_after(self._table, self.shard, None) if h.position < upto and h.written_ms < cutoff]
        if old:
            first, _ = shard_rows(self.shard)
            self._table.delete_rows(_before(first), row_key(self.shard, old[-1].position))
            self._meter.add("aged_off", sum(h.ticks for h in old))


def _before(row: bytes) -> bytes | None:
    """The last row that sorts before a shard's first, for a range that excludes its start; None: there is none."""
    shard, _ = row_position(row)
    return shard_rows(shard - 1)[1] if shard else None


class Forward:
    """The shards that this receiver has leased."""

    def __init__(
        self, make: Callable[[int], ShardForwarder], watermark: Watermark, leases: Leases, clock: Clock,
        rules: TickRules, meter: Meter, holder: str,
    ) -> None:  # fmt: skip
        self._make, self._watermark = make, watermark
        self._clock, self._rules, self._meter = clock, rules, meter
        self._share = Share(leases, "forward", holder, rules)
        self._shards: dict[int, ShardForwarder] = {}
        self._poll_at = self._confirm_at = 0.0

    def step(self) -> float:
        """Forward what is there for every leased shard; returns the seconds to wait. Raises Unavailable."""
        now = self._clock.monotonic()
        if now >= self._confirm_at:
            self._confirm_at = now + 1.0
            for shard in range(self._rules.shards):
                self._watermark.advance(shard)  # also where nothing came: a Redis that lost it learns it again
        if now >= self._poll_at:
            self._poll_at = now + self._rules.lease_poll_s
            self._poll()
        sent, failed = 0, None
        for shard, forwarder in list(self._shards.items()):
            try:
                sent += forwarder.step()
            except Fenced as error:
                self._drop(shard)
                failed = Unavailable(str(error))
            except Unavailable as error:
                failed = error
        if failed:
            raise failed
        self._report()
        return 0.0 if sent >= _TICKS else _IDLE_S

    def release(self) -> None:
        for shard in list(self._shards):
            self._drop(shard)
        self._share.release()

    def _poll(self) -> None:
        held = self._share.keep()
        for shard in set(self._shards) - held:
            self._drop(shard)
        for shard in held - set(self._shards):
            self._shards[shard] = self._make(shard)

    def _drop(self, shard: int) -> None:
        self._shards.pop(shard).close()

    def _report(self) -> None:
        self._meter.gauge("shards", len(self._shards))
        if self._shards:
            self._meter.ok()
        else:
            self._meter.ok("stand-by: another receiver has the shards")
