"""Stage 6, buffer: batches into the sorted table, and the confirmation of what is there without a gap.

1. The fence: the table keeps the highest epoch seen of a shard; a batch of an older one is refused.
2. Each batch: one cell a symbol and a header, all or none. Writing it again changes nothing, in any order.
3. The watermark: along the chain of headers, as far as it reaches. The driver waits for it.
"""

from collections.abc import Sequence

from pipeline.domain.batches import BATCH_FAMILY, TICK_FAMILY, Batch, header_value, row_key
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.ticks import batch_trace
from pipeline.domain.times import to_ms
from pipeline.ports.clock import Clock
from pipeline.ports.spans import NO_SPANS, Spans
from pipeline.ports.table import Cell, Table, TableFull
from pipeline.stages.chain import ShardNotes, Watermark
from pipeline.stages.meter import Meter
from pipeline.stages.spanning import about

_QUIET_S = 10.0


class Buffer:
    def __init__(
        self, table: Table, notes: ShardNotes, watermark: Watermark, clock: Clock, meter: Meter,
        spans: Spans = NO_SPANS,
    ) -> None:  # fmt: skip
        self._table, self._notes, self._watermark, self._clock, self._meter = table, notes, watermark, clock, meter
        self._spans = spans
        self._quiet_at = 0.0  # by then whoever still waits for a batch to be stored has sent it again

    def put(self, batches: Sequence[Batch]) -> None:
        """Durable when it returns, and confirmed. Raises Fenced when one was refused, after the others were stored; TableFull or
        Unavailable; then of no batch only a part is stored."""
        self._quiet_at = self._clock.monotonic() + _QUIET_S
        try:
            self._put(batches)
        except TableFull as error:
            self._meter.add("turned_away", len(batches))
            self._meter.failing(f"no room, batches are turned away until there is ({error})")
            raise
        except Unavailable as error:
            self._meter.failing(str(error))
            raise

    def measure(self) -> None:
        """The table's room, once a second; and while nothing comes, whether it answers. Raises Unavailable."""
        if room := self._table.room():
            self._meter.gauge("table_used_bytes", room.used)
            self._meter.gauge("table_limit_bytes", room.limit)
        if self._clock.monotonic() < self._quiet_at:
            return
        try:
            self._notes.epochs([0])
        except Unavailable as error:
            self._meter.failing(str(error))
            raise
        self._meter.ok()

    def _put(self, batches: Sequence[Batch]) -> None:
        welcome, refused = [], None
        seen = self._notes.epochs({batch.shard for batch in batches}) if batches else {}
        for batch in batches:
            try:
                if seen.get(batch.shard) != batch.epoch:
                    self._notes.raise_fence(batch.shard, batch.epoch)
                welcome.append(batch)
            except Fenced as error:
                self._meter.add("refused")
                refused = error
        if welcome:
            self._store(welcome)
        if refused:
            raise refused

    def _store(self, batches: Sequence[Batch]) -> None:
        written_ms = to_ms(self._clock.now())
        cells: list[Cell] = []
        for batch in batches:
            row = row_key(batch.shard, batch.position)
            cells.append(Cell(row, BATCH_FAMILY, b"", written_ms, header_value(batch)))
            cells += [Cell(row, TICK_FAMILY, symbol.encode(), written_ms, block) for symbol, block in batch.blocks]
        self._table.write(cells)
        shards = {batch.shard for batch in batches}
        self._watermark.advance({shard: [batch for batch in batches if batch.shard == shard] for shard in shards})
        self._meter.count(sum(batch.n for batch in batches))
        now = self._clock.now().timestamp()
        for batch in batches:
            self._meter.latency(max(0.0, now - batch.made_at), batch.n)
            if self._spans.on:
                self._spans.add("buffer", batch_trace(batch), written_ms / 1000, now, "consumer", about(batch))
        self._meter.ok()
