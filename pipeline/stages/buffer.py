"""Stage 6, buffer: a batch into the sorted table, and the confirmation of what is there without a gap.

1. The fence: the table keeps the highest epoch seen of a shard; a batch of an older one is refused.
2. The batch: one cell a symbol and a header, all or none. Writing it again changes nothing, in any order.
3. The watermark: along the chain of headers, as far as it reaches. The driver waits for it.
"""

from pipeline.domain.batches import BATCH_FAMILY, TICK_FAMILY, Batch, header_value, row_key
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.times import to_ms
from pipeline.ports.clock import Clock
from pipeline.ports.table import Cell, Table, TableFull
from pipeline.stages.chain import ShardNotes, Watermark
from pipeline.stages.meter import Meter


class Buffer:
    def __init__(self, table: Table, notes: ShardNotes, watermark: Watermark, clock: Clock, meter: Meter) -> None:
        self._table, self._notes, self._watermark, self._clock, self._meter = table, notes, watermark, clock, meter

    def put(self, batch: Batch) -> None:
        """Durable when it returns, and confirmed. Raises Fenced and TableFull (nothing of it is stored then), and Unavailable."""
        try:
            self._put(batch)
        except Fenced:
            self._meter.add("refused")
            raise
        except TableFull as error:
            self._meter.add("turned_away")
            self._meter.failing(f"no room, batches are turned away until there is ({error})")
            raise
        except Unavailable as error:
            self._meter.failing(str(error))
            raise
        self._meter.count(batch.n)
        self._meter.latency(max(0.0, self._clock.now().timestamp() - batch.made_at), batch.n)
        self._meter.ok()

    def measure(self) -> None:
        """The table's room, once a second. Raises Unavailable."""
        if room := self._table.room():
            self._meter.gauge("table_used_bytes", room.used)
            self._meter.gauge("table_limit_bytes", room.limit)

    def _put(self, batch: Batch) -> None:
        self._notes.raise_fence(batch.shard, batch.epoch)
        row, written_ms = row_key(batch.shard, batch.position), to_ms(self._clock.now())
        cells = [Cell(row, TICK_FAMILY, symbol.encode(), written_ms, block) for symbol, block in batch.blocks]
        self._table.write([Cell(row, BATCH_FAMILY, b"", written_ms, header_value(batch)), *cells])
        self._watermark.advance(batch.shard)
