"""One shard's way from the table into the log, under one lease: what stage 7, forward, does for each that it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from math import inf

from pipeline.domain.batches import TICK_FAMILY, Batch, Position, row_key, row_position, shard_rows
from pipeline.domain.errors import TickerlineError, Unavailable
from pipeline.domain.live_bars import Checkpoint, LiveBar, LiveBars
from pipeline.domain.rules import TickRules
from pipeline.ports.batch_link import RepeatLink
from pipeline.ports.clock import Clock
from pipeline.ports.table import RowRange, Table
from pipeline.ports.tick_log import TickLog
from pipeline.stages.backlog import Backlog, Waiting
from pipeline.stages.chain import Header, ShardNotes, headers_after
from pipeline.stages.meter import Meter

TICKS = 20_000  # of one transaction, or one batch more
_NOTE_S = 1.0
_AGE_OFF_S = 30.0


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
        self.away_since: float | None = None  # the log
        self._backlog = Backlog(table, shard)
        self._note_at = self._age_off_at = 0.0
        # What a cluster has deleted is passed over by each scan until it compacts. What was stored once more below leaves
        # with the next who has the shard.
        self._aged_off: Position | None = None
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
                with self._asking_log():
                    self._log.append(batches, bars, checkpoint)
                self.position = checkpoint.position
                self._measure(batches, bars)
        except TickerlineError:
            self._open = False
            raise
        self.away_since = None
        self._note()
        return sum(batch.n for batch in batches)

    def close(self) -> None:
        self._open = False
        self._log.close()

    def _begin(self) -> None:
        self._noted = self._notes.checkpoint(self.shard)
        with self._asking_log():
            checkpoint = self._log.open() or self._noted
        self._bars, self._silent_since = LiveBars(checkpoint), self._clock.monotonic()
        self._backlog = Backlog(self._table, self.shard)  # the log may have gone back
        self.position = checkpoint.position if checkpoint else None
        if checkpoint and checkpoint.needed != checkpoint.position:
            for header, blocks in self._read(checkpoint.needed, checkpoint.position):
                self._bars.add(self._batch(header, blocks))
        self._open = True

    @contextmanager
    def _asking_log(self) -> Iterator[None]:
        try:
            yield
        except Unavailable:
            self.away_since = self.away_since or self._clock.monotonic()
            raise

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
        for header, blocks in self._read(position, most=TICKS):
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

    def _measure(self, batches: list[Batch], bars: list[LiveBar]) -> None:
        self._meter.add("bars", len(bars))
        if not batches:
            return
        now = self._clock.now().timestamp()
        for batch in batches:
            self._meter.latency(max(0.0, now - batch.made_at), batch.n)
        ticks = sum(batch.n for batch in batches)
        self._meter.count(ticks)
        self._backlog.forwarded(batches[-1].position, len(batches), ticks)

    def _note(self) -> None:
        """The copy of the checkpoint, which never runs ahead of the log."""
        now = self._clock.monotonic()
        if now >= self._note_at:
            self._note_at = now + _NOTE_S
            checkpoint = self._bars.checkpoint()
            if checkpoint and checkpoint != self._noted:
                self._notes.note_checkpoint(self.shard, checkpoint)
                self._noted = checkpoint

    def look(self, crowded: bool) -> Waiting:
        """What waits; and the retention, which holds while the log is away, too. Once a second. Raises Unavailable, TableFull."""
        now, noted = self._clock.monotonic(), self._noted
        # Without the rows that open bars need, a restart leaves these bars out: better than no room for ticks.
        keep_from = noted and (noted.position if crowded else noted.needed)
        if keep_from and (crowded or now >= self._age_off_at):
            self._age_off_at = now + _AGE_OFF_S
            self._age_off(keep_from, 0 if crowded else self._rules.retention_s)
        forwarded = self.position or (noted.position if noted else None)
        return self._backlog.look(forwarded, self._clock.now().timestamp() * 1000)

    def _age_off(self, upto: Position, retention_s: float) -> None:
        cutoff = (self._clock.now().timestamp() - retention_s) * 1000
        headers = headers_after(self._table, self.shard, self._aged_off)
        if old := list(takewhile(lambda h: h.position < upto and h.written_ms < cutoff, headers)):
            first, _ = shard_rows(self.shard)
            after = row_key(self.shard, self._aged_off) if self._aged_off else _before(first)
            self._table.delete_rows(after, row_key(self.shard, old[-1].position))
            self._aged_off = old[-1].position
            self._meter.add("aged_off", sum(h.ticks for h in old))


def _before(row: bytes) -> bytes | None:
    """The last row that sorts before a shard's first, for a range that excludes its start; None: there is none."""
    shard, _ = row_position(row)
    return shard_rows(shard - 1)[1] if shard else None
