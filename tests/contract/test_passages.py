"""When ticks passed: the first note that reaches a position is found, and what is noted stays bounded."""

from uuid import uuid4

import pytest

from pipeline.adapters.memory.passages import MemoryPassages
from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.passages import RedisPassages
from pipeline.domain.batches import Position
from pipeline.domain.errors import Unavailable
from pipeline.domain.passages import Passage
from pipeline.ports.passages import Passages
from tests.support.servers import free_port

SESSION = 1_795_000_000_000
KEPT = 300


@pytest.fixture(params=["memory", "redis"])
def passages(request: pytest.FixtureRequest) -> Passages:
    if request.param == "memory":
        return MemoryPassages(KEPT)
    return RedisPassages(connect(request.getfixturevalue("redis_url")), uuid4().hex, KEPT)


def at(beat: int, session: int = SESSION) -> Position:
    return Position(session, beat)


def passage(after: int, upto: int, at_ms: int, shard: int = 3) -> Passage:
    return Passage(shard, at(after), at(upto), at_ms)


def test_the_first_that_reaches_a_position_is_found(passages: Passages) -> None:
    noted = [Passage(3, None, at(9), 50), passage(9, 11, 60), passage(11, 200, 70)]
    passages.note("show", noted)
    assert [passages.first("show", 3, at(beat)) for beat in (0, 9, 10, 11, 12, 200)] == [
        noted[0], noted[0], noted[1], noted[1], noted[2], noted[2],
    ]  # fmt: skip
    assert passages.first("show", 3, at(201)) is None
    assert passages.first("show", 3, at(0, SESSION + 1)) is None
    assert passages.first("show", 3, at(999, SESSION - 1)) == noted[0]


def test_stages_and_shards_are_apart(passages: Passages) -> None:
    passages.note("show", [passage(0, 5, 1), passage(0, 5, 2, shard=1)])
    assert passages.first("forward", 3, at(1)) is None
    assert passages.first("show", 2, at(1)) is None
    assert passages.first("show", 1, at(1)) == passage(0, 5, 2, shard=1)


def test_repeats_and_what_reaches_less_far_change_nothing(passages: Passages) -> None:
    passages.note("show", [passage(0, 5, 1)])
    passages.note("show", [passage(0, 5, 99), passage(2, 4, 99), passage(5, 6, 2)])
    assert passages.first("show", 3, at(4)) == passage(0, 5, 1)
    assert passages.first("show", 3, at(6)) == passage(5, 6, 2)


def test_a_later_session_comes_after_an_earlier_one_however_far_that_was(passages: Passages) -> None:
    last = Passage(3, at(10), at(2**40), 1)
    first = Passage(3, at(2**40), at(0, SESSION + 1), 2)
    passages.note("forward", [last, first])
    assert passages.first("forward", 3, at(2**40)) == last
    assert passages.first("forward", 3, at(0, SESSION + 1)) == first


def test_the_newest_are_kept_and_the_oldest_go(passages: Passages) -> None:
    passages.note("show", [passage(n, n + 1, n) for n in range(4 * KEPT)])
    oldest = passages.first("show", 3, at(1))
    assert oldest is not None
    assert not oldest.covers(at(1)), "it is not taken for what was noted of this position"
    kept = 4 * KEPT - (oldest.upto.beat - 1)
    assert KEPT <= kept <= 2 * KEPT
    assert passages.first("show", 3, at(4 * KEPT)) == passage(4 * KEPT - 1, 4 * KEPT, 4 * KEPT - 1)


def test_nothing_noted_is_nothing_found(passages: Passages) -> None:
    passages.note("show", [])
    assert passages.first("show", 3, at(1)) is None


def test_a_stream_ends_some_time_after_its_last_note(redis_url: str) -> None:
    client, prefix = connect(redis_url), uuid4().hex
    RedisPassages(client, prefix).note("show", [passage(0, 5, 1)])
    assert 0 < client.ttl(f"{prefix}:passages:show:3") <= 7200


def test_redis_that_is_away_is_unavailable() -> None:
    passages = RedisPassages(connect(f"redis://127.0.0.1:{free_port()}/0"), "p")
    with pytest.raises(Unavailable):
        passages.note("show", [passage(0, 1, 1)])
    with pytest.raises(Unavailable):
        passages.first("show", 3, at(1))
