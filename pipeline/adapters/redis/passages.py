"""Passages as Redis streams, one a stage and shard: an entry's id is the position that it reaches, as `session-beat`.

Fields: `at`, milliseconds since 1970, and `after`, the position before it, or nothing. A stream is cut to the newest entries, and
goes two hours after its last one.
"""

from collections.abc import Sequence
from typing import Any

import redis

from pipeline.adapters.redis.connection import Client, mapped_errors
from pipeline.domain.batches import Position
from pipeline.domain.passages import Passage
from pipeline.ports.passages import KEPT

_FORGOTTEN_S = 7200
_NOT_LARGER = "The ID specified in XADD is equal or smaller"


class RedisPassages:
    def __init__(self, client: Client, prefix: str, kept: int = KEPT) -> None:
        self._client, self._prefix, self._kept = client, f"{prefix}:passages", kept

    def note(self, stage: str, passages: Sequence[Passage]) -> None:
        if not passages:
            return
        pipeline = self._client.pipeline(transaction=False)
        for one in passages:
            fields = {"at": one.at_ms, "after": _id(one.after) if one.after else ""}
            pipeline.xadd(self._key(stage, one.shard), fields, _id(one.upto), maxlen=self._kept, approximate=True)
        for shard in {one.shard for one in passages}:
            pipeline.expire(self._key(stage, shard), _FORGOTTEN_S)
        with mapped_errors():
            for answer in pipeline.execute(raise_on_error=False):
                if isinstance(answer, redis.RedisError) and not str(answer).startswith(_NOT_LARGER):
                    raise answer

    def first(self, stage: str, shard: int, position: Position) -> Passage | None:
        with mapped_errors():
            found: list[tuple[bytes, dict[bytes, bytes]]] = self._client.xrange(
                self._key(stage, shard), min=_id(position), count=1
            )
        return _passage(shard, *found[0]) if found else None

    def _key(self, stage: str, shard: int) -> str:
        return f"{self._prefix}:{stage}:{shard}"


def _id(position: Position) -> str:
    return f"{position.session}-{position.beat}"


def _passage(shard: int, entry: bytes, fields: dict[bytes, Any]) -> Passage:
    after = fields[b"after"]
    return Passage(shard, _position(after) if after else None, _position(entry), int(fields[b"at"]))


def _position(text: bytes) -> Position:
    session, beat = text.split(b"-")
    return Position(int(session), int(beat))
