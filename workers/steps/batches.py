"""`GET /batches/SHARD/SESSION/BEAT`: what a receiver's table says of a batch, for those who don't hold the table."""

import re
from http import HTTPStatus
from typing import Any

from pipeline.domain.batches import Position
from pipeline.domain.errors import TickerlineError
from pipeline.ports.table import Table
from pipeline.stages.chain import buffered_batch

_PATH = re.compile(r"/batches/(\d{1,4})/(\d{1,15})/(\d{1,18})", re.ASCII)


class BatchRoute:
    def __init__(self, table: Table) -> None:
        self._table = table

    def __call__(self, path: str) -> tuple[HTTPStatus, dict[str, Any]]:
        """`{"batch": {…}}`; null, and 404, when the table has none of that very position."""
        asked = _PATH.fullmatch(path)
        if asked is None:
            return HTTPStatus.BAD_REQUEST, {"detail": "expected /batches/SHARD/SESSION/BEAT, three whole numbers"}
        shard, session, beat = map(int, asked.groups())
        try:
            batch = buffered_batch(self._table, shard, Position(session, beat))
        except TickerlineError as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"detail": str(error)}
        return (HTTPStatus.OK, {"batch": batch.to_message()}) if batch else (HTTPStatus.NOT_FOUND, {"batch": None})
