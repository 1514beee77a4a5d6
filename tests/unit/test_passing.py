"""What is noted of passing ticks: once a run of batches, measured when it passed, kept while the store is away."""

from collections.abc import Sequence

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.passages import MemoryPassages
from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Unavailable
from pipeline.domain.live_bars import Checkpoint, LiveBar
from pipeline.domain.passages import Passage
from pipeline.domain.ticks import trace_id
from pipeline.domain.times import to_ms
from pipeline.ports.tick_log import LoggedTick
from pipeline.stages.passing import NotedLog, Passing

SESSION = 1_795_000_000_000
READ_AT = 1_795_000_100.0


class Store(MemoryPassages):
    away = False
    calls = 0

    def note(self, stage: str, passages: Sequence[Passage]) -> None:
        self.calls += 1
        if self.away:
            raise Unavailable("Redis: ConnectionError")
        super().note(stage, passages)


class Log:
    """A tick log that may refuse."""

    refuses = False

    def open(self) -> Checkpoint | None:
        return Checkpoint(at(7))

    def append(self, batches: Sequence[Batch], bars: Sequence[LiveBar], checkpoint: Checkpoint) -> None:
        if self.refuses:
            raise Unavailable("Kafka: _TRANSPORT")

    def close(self) -> None: ...


def at(beat: int) -> Position:
    return Position(SESSION, beat)


def batch(beat: int, previous: Position | None) -> Batch:
    return Batch(3, at(beat), previous, 1, 0.0, 1, ())


def tick(beat: int, shard: int = 3, value: bytes | None = None) -> LoggedTick:
    line = f'{{"symbol":"IBM","trace_id":"{trace_id(SESSION, shard, beat)}"}}'.encode()
    return LoggedTick("IBM", value or line, 0.0, shard)


@pytest.fixture
def clock() -> MemoryClock:
    return MemoryClock()


@pytest.fixture
def store() -> Store:
    return Store()


def test_a_transaction_is_one_note_with_the_time_at_which_it_was_committed(store: Store, clock: MemoryClock) -> None:
    passing = Passing("forward", store, clock)
    log = NotedLog(Log(), passing)
    assert log.open() == Checkpoint(at(7))
    log.append([batch(8, at(7)), batch(9, at(8))], [], Checkpoint(at(9)))
    committed = to_ms(clock.now())
    clock.sleep(0.25)
    assert store.first("forward", 3, at(8)) is None, "nothing is handed over in the forwarder's own loop"
    passing.flush()
    assert store.first("forward", 3, at(8)) == Passage(3, at(7), at(9), committed)


def test_what_was_not_committed_has_not_passed(store: Store, clock: MemoryClock) -> None:
    passing, inner = Passing("forward", store, clock), Log()
    inner.refuses = True
    with pytest.raises(Unavailable):
        NotedLog(inner, passing).append([batch(8, at(7))], [], Checkpoint(at(8)))
    passing.flush()
    assert store.first("forward", 3, at(8)) is None


def test_bars_of_a_silent_shard_are_no_passage(store: Store, clock: MemoryClock) -> None:
    passing = Passing("forward", store, clock)
    NotedLog(Log(), passing).append([], [], Checkpoint(at(9)))
    passing.flush()
    assert store.first("forward", 3, at(0)) is None


def test_a_read_is_one_note_a_shard_and_the_first_tells_only_where_reading_began(
    store: Store, clock: MemoryClock
) -> None:
    passing = Passing("show", store, clock)
    passing.shown([tick(5), tick(4), tick(70, shard=1)], READ_AT)
    passing.shown([tick(6), tick(9), tick(8)], READ_AT)
    passing.flush()
    assert store.first("show", 3, at(5)) == Passage(3, at(5), at(9), to_ms(clock.now()))
    assert store.first("show", 1, at(70)) is None
    passing.shown([tick(9), tick(71, shard=1)], READ_AT)
    passing.flush()
    assert store.first("show", 3, at(10)) is None
    assert store.first("show", 1, at(71)) == Passage(1, at(70), at(71), to_ms(clock.now()))


def test_somebody_elses_record_is_passed_over(store: Store, clock: MemoryClock) -> None:
    passing = Passing("show", store, clock)
    for value in (b"{}", b"", b"x" * 100):
        passing.shown([tick(0, value=value)], READ_AT)
    passing.flush()
    assert store.first("show", 3, at(0)) is None


def test_a_store_that_is_away_costs_nothing_that_waits(store: Store, clock: MemoryClock) -> None:
    passing = Passing("forward", store, clock)
    store.away = True
    for beat in range(1, 4):
        passing.passed(3, at(beat - 1), at(beat))
        clock.sleep(1)
        with pytest.raises(Unavailable):
            passing.flush()
    store.away = False
    passing.flush()
    times = [store.first("forward", 3, at(beat)) for beat in (1, 2, 3)]
    assert [one and to_ms(clock.now()) - one.at_ms for one in times] == [3000, 2000, 1000]
    calls = store.calls
    passing.flush()
    assert store.calls == calls + 1


def test_what_waits_is_bounded_and_the_newest_stay(clock: MemoryClock) -> None:
    store = Store(kept=100_000)
    passing = Passing("forward", store, clock)
    store.away = True
    for beat in range(1, 30_000):
        passing.passed(3, at(beat - 1), at(beat))
        if beat == 15_000:
            with pytest.raises(Unavailable):
                passing.flush()
    store.away = False
    passing.flush()
    oldest = store.first("forward", 3, at(1))
    assert oldest is not None
    assert oldest.upto == at(10_000)
    assert store.first("forward", 3, at(29_999)) is not None
