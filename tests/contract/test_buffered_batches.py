"""What the table knows of a batch, asked over HTTP as by the twin; and that no other answer is believed."""

import json
from collections.abc import Callable, Iterator
from functools import partialmethod
from http import HTTPStatus
from socketserver import BaseServer
from typing import Any, NamedTuple

import pytest

from pipeline.adapters.memory.buffered_batches import MemoryBufferedBatches
from pipeline.adapters.memory.table import MemoryTable
from pipeline.adapters.receiver.buffered_batches import HttpBufferedBatches
from pipeline.domain.batches import BATCH_FAMILY, Batch, Position, header_value, row_key
from pipeline.domain.errors import Unavailable
from pipeline.domain.passages import Buffered
from pipeline.ports.buffered_batches import BufferedBatches
from pipeline.ports.table import Cell
from tests.support.servers import free_port
from workers.steps.batches import BatchRoute
from workers.steps.telemetry import Route, Telemetry, serve

AT = Position(1_795_000_000_000, 41)


class Holder(NamedTuple):
    """The port, and how a batch gets to where it looks."""

    batches: BufferedBatches
    put: Callable[[int, Position, Buffered], None]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Route], str]]:
    """Starts a receiver's HTTP server with this route; returns its address."""
    monkeypatch.setattr(BaseServer, "serve_forever", partialmethod(BaseServer.serve_forever, 0.05))
    servers = []

    def start(route: Route) -> str:
        servers.append(serve(Telemetry("receiver", "receiver-1", ()), 0, {"batches": route}))
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(params=["memory", "http"])
def holder(request: pytest.FixtureRequest, served: Callable[[Route], str]) -> Holder:
    if request.param == "memory":
        twin = MemoryBufferedBatches()

        def keep(shard: int, position: Position, batch: Buffered) -> None:
            twin.batches[shard, position] = batch

        return Holder(twin, keep)
    table = MemoryTable()

    def write(shard: int, position: Position, batch: Buffered) -> None:
        header = header_value(Batch(shard, position, None, batch.epoch, batch.made_ms / 1000, batch.ticks, ()))
        table.write([Cell(row_key(shard, position), BATCH_FAMILY, b"", batch.written_ms, header)])

    return Holder(HttpBufferedBatches([served(BatchRoute(table))]), write)


def test_a_batch_is_found_by_its_very_position(holder: Holder) -> None:
    batch = Buffered(made_ms=1_795_000_004_100, written_ms=1_795_000_004_107, ticks=12, epoch=3)
    holder.put(2, AT, batch)
    assert holder.batches.batch(2, AT) == batch
    assert holder.batches.batch(1, AT) is None
    assert holder.batches.batch(2, Position(AT.session, AT.beat - 1)) is None
    assert holder.batches.batch(2, Position(AT.session, AT.beat + 1)) is None


def test_the_next_receiver_is_asked_when_one_is_away(served: Callable[[Route], str]) -> None:
    there = served(lambda path: (HTTPStatus.NOT_FOUND, {"batch": None}))
    away = f"http://127.0.0.1:{free_port()}"
    assert HttpBufferedBatches([away, there]).batch(2, AT) is None
    with pytest.raises(Unavailable, match="does not answer"):
        HttpBufferedBatches([away]).batch(2, AT)
    with pytest.raises(Unavailable, match="no receiver"):
        HttpBufferedBatches([]).batch(2, AT)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (HTTPStatus.NOT_FOUND, {"detail": "somebody else's 404"}),
        (HTTPStatus.SERVICE_UNAVAILABLE, {"detail": "the table does not answer"}),
        (HTTPStatus.OK, {"batch": None}),
        (HTTPStatus.OK, {}),
        (HTTPStatus.OK, {"batch": {"made_ms": 1, "written_ms": 2, "ticks": 3}}),
        (HTTPStatus.OK, {"batch": {"made_ms": "1", "written_ms": 2, "ticks": 3, "epoch": 4}}),
        (HTTPStatus.OK, {"batch": {"made_ms": 1.5, "written_ms": 2, "ticks": 3, "epoch": 4}}),
        (HTTPStatus.OK, {"batch": {"made_ms": -1, "written_ms": 2, "ticks": 3, "epoch": True}}),
        (HTTPStatus.OK, {"batch": "x" * 100_000}),
    ],
)
def test_another_answer_is_not_believed(
    served: Callable[[Route], str], status: HTTPStatus, answer: dict[str, Any]
) -> None:
    url = served(lambda path: (status, answer))
    with pytest.raises(Unavailable, match="gave no answer that tells of a batch"):
        HttpBufferedBatches([url]).batch(2, AT)


class BrokenTable(MemoryTable):
    def scan(self, *args: object, **options: object) -> Any:
        raise Unavailable("the table is busy")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/batches/1/2/x", 400),
        ("/batches/1/2", 400),
        ("/batches/1/2/-3", 400),
        ("/batches/1/2/" + "9" * 30, 400),
        ("/batches/99999/2/3", 400),
        ("/batches/1/2/3", 404),
    ],
)
def test_a_malformed_question_is_refused_with_its_rule(path: str, status: int) -> None:
    found, answer = BatchRoute(MemoryTable())(path)
    assert found == status
    assert json.dumps(answer)
    assert BatchRoute(BrokenTable())("/batches/1/2/3") == (503, {"detail": "the table is busy"})
