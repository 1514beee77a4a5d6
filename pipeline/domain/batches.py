"""A batch: one shard's ticks of a run of beats. It is what driver, table and forwarder pass on; a tick never travels alone.

Batches of a shard form a chain: each names the position before it. That is the one rule by which every hop sees a gap.
"""

import json
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import lz4.block

from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import from_ms, from_rfc3339, rfc3339, to_ms

_MOST_TICKS = 2_000  # of batches that share a message
_MOST_BYTES = 64 << 20  # of a batch's blocks; 2,000 ticks are half a megabyte


class Position(NamedTuple):
    """A place in a shard's chain: a batch's last beat. Ordered: sessions by their opening time (ms since 1970), then beats."""

    session: int
    beat: int


def session_id(opened_ms: int) -> str:
    """A session's id as people see it: its opening time, RFC 3339."""
    return rfc3339(from_ms(opened_ms))


def session_ms(session: str) -> int:
    """The inverse of `session_id`."""
    return to_ms(from_rfc3339(session))


@dataclass(frozen=True, slots=True)
class Batch:
    """`blocks` are (symbol, its ticks as lines of JSON, in order), by symbol; `n` ticks in all.

    A line is what will stand on the log, byte for byte. `made_at` is measured, seconds since 1970: it is no part of a tick.
    """

    shard: int
    position: Position
    previous: Position | None
    epoch: int
    made_at: float
    n: int
    blocks: tuple[tuple[str, bytes], ...]

    def to_message(self) -> dict[str, Any]:
        """As a task's argument: JSON-able, the blocks joined and compressed.

        Ticks are much alike: of a batch of 250 a tenth of the bytes is left, and Redis, which holds each message twice, and
        four JSON passes on the way have that much less to do. LZ4 costs a seventh of what zlib does for about the same.
        """
        return {
            "shard": self.shard,
            "position": list(self.position),
            "previous": list(self.previous) if self.previous else None,
            "epoch": self.epoch,
            "made_at": self.made_at,
            "n": self.n,
            "symbols": ",".join(symbol for symbol, _ in self.blocks),
            "blocks": b64encode(lz4.block.compress(b"\n\n".join(block for _, block in self.blocks))).decode(),
        }

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> "Batch":
        """Raises InvalidValue when the message is no batch."""
        try:
            symbols = message["symbols"].split(",") if message["symbols"] else []
            blocks = _unpacked(b64decode(message["blocks"])).split(b"\n\n") if symbols else []
            previous = message["previous"]
            return cls(
                int(message["shard"]),
                Position(*message["position"]),
                Position(*previous) if previous else None,
                int(message["epoch"]),
                float(message["made_at"]),
                int(message["n"]),
                tuple(zip(symbols, blocks, strict=True)),
            )
        except (AttributeError, KeyError, TypeError, ValueError, lz4.block.LZ4BlockError):
            raise InvalidValue("batch", "expected a batch of ticks as a driver sends it") from None


def in_messages(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Small batches share a message: a task costs as much as making hundreds of ticks."""
    together: list[Batch] = []
    for batch in batches:
        if together and sum(one.n for one in together) + batch.n > _MOST_TICKS:
            yield together
            together = []
        together.append(batch)
    if together:
        yield together


def _unpacked(packed: bytes) -> bytes:
    """The size that it says it has, in its first four bytes, is made room for before anything is read: so it is checked."""
    if int.from_bytes(packed[:4], "little") > _MOST_BYTES:
        raise ValueError("too large")
    unpacked: bytes = lz4.block.decompress(packed)
    return unpacked


# The table's layout. Row: shard, session, beat, big-endian, so that a shard's new batches are one range in order.
_ROW = struct.Struct(">HQQ")
BATCH_FAMILY = b"batch"  # one cell a row: the chain and the measured times
TICK_FAMILY = b"tick"  # one cell a block, the qualifier is the symbol


def row_key(shard: int, position: Position) -> bytes:
    return _ROW.pack(shard, *position)


def row_position(row: bytes) -> tuple[int, Position]:
    shard, session, beat = _ROW.unpack(row)
    return shard, Position(session, beat)


def shard_rows(shard: int) -> tuple[bytes, bytes]:
    """The first and the last row that a shard can have."""
    return _ROW.pack(shard, 0, 0), _ROW.pack(shard, 2**64 - 1, 2**64 - 1)


def header_value(batch: Batch) -> bytes:
    previous = list(batch.previous) if batch.previous else None
    return json.dumps({"previous": previous, "n": batch.n, "epoch": batch.epoch, "made_at": batch.made_at}).encode()
