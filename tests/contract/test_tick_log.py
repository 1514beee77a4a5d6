"""The tick log: in order, with its checkpoint; a writer that was replaced is fenced where the broker can fence."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from pipeline.adapters.kafka.tick_feed import KafkaTickFeed
from pipeline.adapters.kafka.tick_log import KafkaTickLog
from pipeline.adapters.memory.tick_log import MemoryBroker, MemoryTickFeed, MemoryTickLog
from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.live_bars import Checkpoint, LiveBar, Mark
from pipeline.ports.tick_log import LoggedTick, TickFeed, TickLog
from tests.support.real_kafka import opened, put
from tests.support.servers import wait_until


@dataclass
class Broker:
    log: Callable[[int], TickLog]
    feed: Callable[[], TickFeed]
    bars: Callable[[int], TickFeed]  # with so many of what is there already
    fences: bool


@pytest.fixture(params=["memory", "kafka", pytest.param("real_kafka", marks=pytest.mark.real_kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    if request.param == "memory":
        memory = MemoryBroker()
        return Broker(
            lambda shard: MemoryTickLog(memory, shard),
            lambda: MemoryTickFeed(memory.ticks),
            lambda newest: MemoryTickFeed(memory.bars),
            fences=True,
        )
    real, topic = request.param == "real_kafka", f"ticks-{uuid4().hex[:8]}"
    servers = (
        request.getfixturevalue("real_kafka").bootstrap_servers if real else request.getfixturevalue("kafka_servers")
    )

    def log(shard: int) -> TickLog:
        return KafkaTickLog(servers, topic, f"{topic}-bars", f"{topic}-checkpoints", shard, 4, embedded=not real)

    def feed() -> TickFeed:
        made = KafkaTickFeed(servers, topic, 4, embedded=not real)
        request.addfinalizer(made.close)  # only this parameter has something to close
        for shard in range(4):  # of a topic that is made here
            opened(log(shard))
        _begin_reading(log(0), made)
        return made

    def bars(newest: int) -> TickFeed:
        made = KafkaTickFeed(servers, f"{topic}-bars", 4, newest=newest, embedded=not real)
        request.addfinalizer(made.close)
        return made

    return Broker(log, feed, bars, fences=real)


def _begin_reading(log: TickLog, feed: TickFeed) -> None:
    """A feed reads from the end as of its start: what comes out of it tells when that was."""
    opened(log)

    def arrives() -> bool:
        put(log, [batch(0, shard=0)])
        return bool(feed.read(0.2))

    wait_until(arrives, "a tick comes out of the feed")
    while feed.read(0.5):
        pass
    log.close()


def batch(beat: int, shard: int = 1, lines: int = 1) -> Batch:
    """`lines` ticks of each of two symbols."""
    numbers = [f"{beat}" if lines == 1 else f"{beat}.{line}" for line in range(lines)]
    blocks = tuple((symbol, "\n".join(f"{symbol}-{n}" for n in numbers).encode()) for symbol in ("AAPL", "MSFT"))
    return Batch(shard, Position(9, beat), Position(9, beat - 1), 1, 1000.5 + beat, 2 * lines, blocks)


def read(feed: TickFeed, count: int) -> Sequence[LoggedTick]:
    found: list[LoggedTick] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        found += feed.read(0.2)
    return found


def test_a_log_without_a_checkpoint_says_so(broker: Broker) -> None:
    log = broker.log(1)
    assert opened(log) is None
    log.close()


def test_what_is_appended_is_read_back_in_order_with_the_measured_time(broker: Broker) -> None:
    log, feed = broker.log(1), broker.feed()
    opened(log)
    for beat in range(1, 51):
        put(log, [batch(beat)])
    put(log, [batch(51), batch(52)])
    ticks = read(feed, 104)
    assert [t.value.decode() for t in ticks] == [f"{s}-{b}" for b in range(1, 53) for s in ("AAPL", "MSFT")]
    assert ticks[0] == LoggedTick("AAPL", b"AAPL-1", 1001.5, shard=1)
    log.close()


def test_each_line_of_a_block_is_a_record_of_its_own(broker: Broker) -> None:
    log, feed = broker.log(2), broker.feed()
    opened(log)
    put(log, [batch(1, shard=2, lines=3)])
    ticks = read(feed, 6)
    assert [t.value.decode() for t in ticks] == [f"{s}-1.{line}" for s in ("AAPL", "MSFT") for line in range(3)]
    log.close()


def test_the_checkpoint_is_the_last_batch_of_this_shard(broker: Broker) -> None:
    for shard, last in ((1, 100), (2, 7)):
        log = broker.log(shard)
        opened(log)
        for beat in range(1, last + 1):
            put(log, [batch(beat, shard)])
        log.close()
    assert opened(broker.log(1)) == Position(9, 100)
    assert opened(broker.log(2)) == Position(9, 7)
    assert opened(broker.log(3)) is None


BAR = LiveBar("IBM", "1s", 1_795_363_200, "s", "t", 10_000, 20_000, 5_000, 15_000, 7, 3, 1, 3, 0, "simulator")


def test_bars_and_the_whole_checkpoint_are_in_the_ticks_own_transaction(broker: Broker) -> None:
    log = broker.log(3)
    opened(log)
    bars = [replace(BAR, first_seq=n) for n in range(1, 6)]
    marks = Mark(Position(9, 1), 1_795_363_200), None
    log.append([batch(1, shard=3), batch(2, shard=3)], bars[:3], Checkpoint(Position(9, 2), marks))
    log.append([], bars[3:], Checkpoint(Position(9, 2), (None, Mark(None, 60))))  # of a shard that is silent
    found = read(broker.bars(100), 5)
    assert [(record.symbol, record.shard, LiveBar.decoded(record.value)) for record in found] == [
        ("IBM", 3, bar) for bar in bars
    ]
    log.close()
    again = broker.log(3)
    opened(again)
    wait_until(
        lambda: _checkpoint(again) == Checkpoint(Position(9, 2), (None, Mark(None, 60))), "the newest checkpoint"
    )


def _checkpoint(log: TickLog) -> Checkpoint | None:
    try:
        return log.open()
    except Unavailable:
        return None


def test_a_feed_may_begin_with_the_newest_of_what_is_there(broker: Broker, request: pytest.FixtureRequest) -> None:
    if "memory" in request.node.callspec.id:
        pytest.skip("the twin begins with everything")
    log = broker.log(3)
    opened(log)
    put(log, [batch(1, shard=3)], [replace(BAR, first_seq=n) for n in range(1, 21)])
    for newest, least in ((5, 4), (100, 20)):  # the end of a transaction takes a place, too
        found = [LiveBar.decoded(record.value).first_seq for record in read(broker.bars(newest), least)]
        assert found == list(range(21 - len(found), 21))
        assert least <= len(found) <= newest


def test_a_log_that_is_not_open_takes_nothing(broker: Broker) -> None:
    with pytest.raises(Unavailable):
        put(broker.log(1), [batch(1)])


def test_a_writer_that_was_replaced_is_fenced(broker: Broker) -> None:
    if not broker.fences:
        pytest.skip("the embedded broker does not fence; a real one does")
    first, second = broker.log(1), broker.log(1)
    opened(first)
    opened(second)
    with pytest.raises(Fenced):
        put(first, [batch(1)])


def test_what_a_fenced_writer_had_under_way_is_seen_by_nobody(broker: Broker) -> None:
    if not broker.fences:
        pytest.skip("the embedded broker does not fence; a real one does")
    first, second, feed = broker.log(1), broker.log(1), broker.feed()
    opened(first)
    put(first, [batch(1)])
    opened(second)
    with pytest.raises(Fenced):
        put(first, [batch(2)])
    put(second, [batch(2)])
    assert [t.value.decode() for t in read(feed, 4)] == [f"{s}-{b}" for b in (1, 2) for s in ("AAPL", "MSFT")]
    assert not feed.read(0.5)
    assert opened(broker.log(1)) == Position(9, 2)
