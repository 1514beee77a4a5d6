"""Stage 7, forward: each leased shard's batches from the table into the log, in order, each exactly once.

1. Open the log for the shard: that fences every earlier forwarder; then its checkpoint is read back. A log without one (an
   embedded broker that was started anew) goes on from the copy in the table.
2. Append what follows the checkpoint without a gap: ticks and checkpoint in one transaction.
3. A gap older than 3 s is asked for again from any driver.
4. Forwarded rows leave the table after the retention, and sooner where it has no room: what waits goes before what is kept.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile

from pipeline.domain.batches import TICK_FAMILY, Batch, Position, row_key, row_position, shard_rows
from pipeline.domain.errors import Fenced, TickerlineError, Unavailable
from pipeline.domain.rules import TickRules
from pipeline.ports.batch_link import RepeatLink
from pipeline.ports.clock import Clock
from pipeline.ports.lease import Leases
from pipeline.ports.table import Room, RowRange, Table, TableFull
from pipeline.ports.tick_log import TickLog
from pipeline.stages.backlog import Backlog, Waiting
from pipeline.stages.chain import Header, ShardNotes, Watermark, headers_after
from pipeline.stages.meter import Meter
from pipeline.stages.share import Share

_TICKS = 20_000  # of one transaction, or one batch more
_NOTE_S = 1.0
_AGE_OFF_S = 30.0
_IDLE_S = 0.02
_LOOK_S = 1.0
_CATCHING_UP_MS = 1000
_CROWDED = 0.8  # of the table in use: forwarded rows do not wait for their retention


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
        self._noted: Position | None = None
        self.away_since: float | None = None  # the log
        self._backlog = Backlog(table, shard)
        self._note_at = self._age_off_at = 0.0
        self._gap: tuple[Position, float] | None = None  # the position after the gap, and when it was seen or asked for

    def step(self) -> int:
        """Forward what is there; returns the number of ticks. Raises Unavailable or Fenced; the log is closed then."""
        try:
            if not self._open:
                self._begin()
            batches = self._contiguous()
            if batches:
                with self._asking_log():
                    self._log.append(batches)
                self.position = batches[-1].position
                self._measure(batches)
        except (Unavailable, Fenced):
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
            self.position = self._log.open() or self._noted
        self._open = True

    @contextmanager
    def _asking_log(self) -> Iterator[None]:
        try:
            yield
        except Unavailable:
            self.away_since = self.away_since or self._clock.monotonic()
            raise

    def _contiguous(self) -> list[Batch]:
        """The batches that follow the checkpoint without a gap, as far as one read goes."""
        batches: list[Batch] = []
        position = self.position
        for header, blocks in self._read():
            if not header.follows(position) and not (position is None and self._is_old(header)):
                self._watch_gap(position, header)
                return batches
            batches.append(
                Batch(self.shard, header.position, header.previous, 0, header.made_at, header.ticks, tuple(blocks))
            )
            position = header.position
        self._gap = None
        return batches

    def _read(self) -> Iterator[tuple[Header, list[tuple[str, bytes]]]]:
        """Whole batches after the checkpoint, until there are enough for a transaction."""
        first, last = shard_rows(self.shard)
        start = row_key(self.shard, self.position) if self.position else first
        rows = RowRange(start, last, start_inclusive=self.position is None)
        header: Header | None = None
        blocks: list[tuple[str, bytes]] = []
        ticks = 0
        for cell in self._table.scan(rows):  # a row has nothing but its header and its blocks, in this order
            if cell.family == TICK_FAMILY:
                blocks.append((cell.qualifier.decode(), cell.value))
                continue
            if header:
                yield header, blocks
                if ticks >= _TICKS:
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
            self._meter.latency(max(0.0, now - batch.made_at), batch.n)
        ticks = sum(batch.n for batch in batches)
        self._meter.count(ticks)
        self._backlog.forwarded(batches[-1].position, len(batches), ticks)

    def _note(self) -> None:
        """The copy of the checkpoint, which never runs ahead of the log."""
        now = self._clock.monotonic()
        if self.position and self.position != self._noted and now >= self._note_at:
            self._notes.note_checkpoint(self.shard, self.position)
            self._noted, self._note_at = self.position, now + _NOTE_S

    def look(self, crowded: bool) -> Waiting:
        """What waits; and the retention, which holds while the log is away, too. Once a second. Raises Unavailable, TableFull."""
        now = self._clock.monotonic()
        if self._noted and (crowded or now >= self._age_off_at):
            self._age_off_at = now + _AGE_OFF_S
            self._age_off(self._noted, 0 if crowded else self._rules.retention_s)
        return self._backlog.look(self.position or self._noted, self._clock.now().timestamp() * 1000)

    def _age_off(self, upto: Position, retention_s: float) -> None:
        cutoff = (self._clock.now().timestamp() - retention_s) * 1000
        headers = headers_after(self._table, self.shard, None)
        if old := list(takewhile(lambda h: h.position < upto and h.written_ms < cutoff, headers)):
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
        rules: TickRules, meter: Meter, holder: str, room: Callable[[], Room | None],
    ) -> None:  # fmt: skip
        """`room` is the table's."""
        self._make, self._watermark, self._table_room = make, watermark, room
        self._clock, self._rules, self._meter = clock, rules, meter
        self._share = Share(leases, "forward", holder, rules)
        self._shards: dict[int, ShardForwarder] = {}
        self._poll_at = self._confirm_at = self._look_at = 0.0
        self._room: Room | None = None
        self._waiting = Waiting()

    def step(self) -> float:
        """Forward what is there for every leased shard; returns the seconds to wait. Raises Unavailable."""
        now = self._clock.monotonic()
        self._look()
        if now >= self._confirm_at:
            self._confirm_at = now + 1.0
            for shard in range(self._rules.shards):
                self._watermark.advance(shard)  # also where nothing came: a Redis that lost it learns it again
        if now >= self._poll_at:
            self._poll_at = now + self._rules.lease_poll_s
            self._poll()
        sent = 0
        failed: TickerlineError | None = None
        for shard, forwarder in list(self._shards.items()):
            try:
                sent += forwarder.step()
            except Fenced as error:
                self._drop(shard)
                failed = Unavailable(str(error))
            except (Unavailable, TableFull) as error:
                failed = error
        if failed:
            raise self._in_words(failed)
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
