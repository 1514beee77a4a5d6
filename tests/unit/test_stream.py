"""Orders to the ticker: every shard obeys at the same beat, and no tick is lost or doubled by any of them."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from pipeline.domain.errors import InvalidValue
from pipeline.domain.rules import TickRules
from pipeline.domain.times import from_rfc3339
from pipeline.stages.opening import Wish
from pipeline.stages.stream import Stream, StreamState
from tests.unit.engine_world import SYMBOLS, World

Ticks = list[dict[str, object]]


def playing(seconds: float = 10, rules: TickRules | None = None, days: int = 100) -> tuple[World, Stream]:
    world = World(rules or TickRules(ticks_per_bar=50), days)
    world.open_session()
    world.start_driver()
    world.run(seconds)
    return world, Stream(world.plan, world.bars, world.clock, world.rules, "simulator")


def counts(world: World) -> dict[str, int]:
    return {symbol: sum(len(n) for (_, s), n in world.sequences().items() if s == symbol) for symbol in SYMBOLS}


def ticks(world: World, symbol: str) -> Ticks:
    return [json.loads(t.value) for log in world.broker.ticks.values() for t in log if t.symbol == symbol]


def newest_times(world: World) -> set[object]:
    """When the newest tick of each symbol was planned for."""
    return {ticks(world, symbol)[-1]["event_time"] for symbol in SYMBOLS}


def test_a_pause_holds_all_symbols_at_the_same_tick_until_they_resume_together() -> None:
    world, stream = playing()
    stream.pause()
    assert stream.playing().state == StreamState.PAUSED
    world.run(5)
    held = counts(world)
    assert len(newest_times(world)) == 1
    assert stream.silence() == "the stream is paused"
    assert world.meters["tick"].report().message == "the stream is paused or stopped"
    world.run(20)
    assert counts(world) == held
    stream.resume()
    world.run(5)
    assert stream.playing().state == StreamState.PLAYING
    assert stream.silence() == ""
    assert world.meters["tick"].report().health == "ok"
    assert len(newest_times(world)) == 1
    assert 30 <= counts(world)["IBM"] - held["IBM"] <= 42
    world.check(at_least=130)


def test_a_driver_that_takes_over_a_paused_session_is_silent_and_resumes_it() -> None:
    world, stream = playing()
    stream.pause()
    world.run(5)
    held = counts(world)
    world.kill(world.drivers[0])
    world.start_driver("driver-2")
    world.run(10)
    assert counts(world) == held
    stream.resume()
    world.run(10)
    world.check(at_least=150)


@pytest.mark.parametrize(("speed", "rate"), [(0.1, 1), (0.5, 5), (7.3, 73), (100, 1000)])
def test_a_speed_makes_more_or_fewer_ticks_and_skips_none(speed: float, rate: float) -> None:
    world, stream = playing(5)
    stream.speed(speed)
    world.run(3)
    before = counts(world)["IBM"]
    world.run(10)
    world.check(at_least=60)
    assert (counts(world)["IBM"] - before) / 10 == pytest.approx(rate, rel=0.12)
    assert stream.playing().speed == speed


def test_at_any_speed_a_shard_sends_about_ten_batches_a_second() -> None:
    world, stream = playing(5)
    stream.speed(100)
    world.run(3)
    before = {shard: len(world.plan.legs_after(shard, 0)) for shard in range(4)}
    sent = world.meters["buffer"].report().figures["total"]
    world.run(10)
    assert world.meters["buffer"].report().figures["total"] - sent == pytest.approx(50_000, rel=0.12)
    legs = [len(world.plan.legs_after(shard, 0)) - before[shard] for shard in range(4)]
    assert max(legs) <= 4  # a leg lasts ten seconds, though a bar is over in a twentieth


def test_event_times_go_at_the_session_s_speed() -> None:
    world, stream = playing(5)
    stream.speed(10)
    world.run(10)
    times = [from_rfc3339(str(tick["event_time"])) for tick in ticks(world, "IBM")]
    assert times[-1] - times[-101] == timedelta(seconds=1)
    assert times == sorted(times)


def test_a_seek_goes_on_with_another_date_for_all_symbols_together() -> None:
    world, stream = playing()
    session = world.plan.current_session()
    assert session
    stream.seek(session.slots[70] - timedelta(hours=3))
    world.run(8)
    world.check(at_least=170)
    for symbol in SYMBOLS:
        newest = from_rfc3339(str(ticks(world, symbol)[-1]["bar_time"]))
        assert newest in session.slots[70:72], symbol
    assert stream.playing().position in session.slots[70:72]


def test_a_seek_while_paused_shows_when_it_resumes() -> None:
    world, stream = playing()
    session = world.plan.current_session()
    assert session
    stream.pause()
    world.run(3)
    held = counts(world)
    stream.seek(session.slots[50])
    stream.speed(2)
    world.run(3)
    assert counts(world) == held
    stream.resume()
    world.run(5)
    world.check(at_least=150)
    assert from_rfc3339(str(ticks(world, "AAPL")[-1]["bar_time"])) in session.slots[50:52]


def test_a_stopped_session_is_over_until_another_is_started() -> None:
    world, stream = playing()
    stream.stop()
    world.run(5)
    held = counts(world)
    world.run(60)
    assert counts(world) == held
    assert stream.playing().state == StreamState.STOPPED
    for order in (stream.pause, stream.resume, stream.stop):
        with pytest.raises(InvalidValue, match="only `start` opens one"):
            order()
    stream.start(Wish())
    world.run(10)
    world.check(at_least=180)
    assert len({session for session, _ in world.sequences()}) == 2


def test_a_session_started_for_some_symbols_replaces_the_one_that_plays() -> None:
    world, stream = playing()
    session = stream.start(Wish(symbols=["IBM", "AAPL"], speed=2))
    world.run(10)
    found = {symbol: len(n) for (of, symbol), n in world.sequences().items() if of == session.id}
    assert set(found) == {"IBM", "AAPL"}
    assert found["IBM"] == pytest.approx(180, abs=25)
    before = counts(world)
    world.run(5)
    after = counts(world)
    assert after["META"] == before["META"]
    assert after["IBM"] > before["IBM"]
    world.add_bars("NVDA")
    assert not session.admits
    stream.start(Wish())
    world.run(10)
    assert {symbol for (_, symbol), n in world.sequences().items()} == {*SYMBOLS, "NVDA"}
    for numbers in world.sequences().values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_session_that_does_not_loop_ends_with_its_bars() -> None:
    world, stream = playing(5, days=3)
    stream.start(Wish(loop=False))
    world.run(40)
    assert stream.playing().state == StreamState.ENDED
    held = counts(world)
    world.run(10)
    assert counts(world) == held
    world.check(at_least=150)


def test_a_session_that_loops_keeps_its_speed() -> None:
    world, stream = playing(2, days=3)
    stream.speed(5)
    world.run(10)
    session = world.plan.current_session()
    assert session
    assert session.speed == 5
    assert session.loop
    world.check(at_least=300)


def test_a_session_can_start_at_a_date() -> None:
    world, stream = playing(2)
    session = world.plan.current_session()
    assert session
    since = session.slots[40]
    started = stream.start(Wish(since=since))
    assert started.slots == session.slots[40:]
    world.run(5)
    tick = next(t for t in ticks(world, "IBM") if t["session"] == started.id)
    assert from_rfc3339(str(tick["bar_time"])) == since


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (lambda s: s.speed(0.01), "speed: expected a factor from 0.1 to 1000, got 0.01"),
        (lambda s: s.start(Wish(speed=5000)), "speed: expected a factor"),
        (lambda s: s.start(Wish(symbols=["IBM", "NOPE"])), "symbols: expected symbols that have bars; NOPE has none"),
        (lambda s: s.start(Wish(symbols=[])), "symbols: expected at least one"),
        (lambda s: s.start(Wish(since=s._clock.now())), "from: expected a time with bars after it"),
        (lambda s: s.seek(s._clock.now() + timedelta(days=9)), "to: expected a time up to the session's last bar"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(order: Callable[[Stream], object], words: str) -> None:
    world, stream = playing(3)
    before = world.plan.current_session()
    with pytest.raises(InvalidValue, match=words):
        order(stream)
    assert world.plan.current_session() == before


def test_before_the_first_session_there_is_nothing_to_order() -> None:
    world = World()
    stream = Stream(world.plan, world.bars, world.clock, world.rules, "simulator")
    assert stream.playing().state == StreamState.IDLE
    with pytest.raises(InvalidValue, match="expected a session that plays"):
        stream.pause()
    assert stream.start(Wish()).members == tuple(sorted(SYMBOLS))


def test_restarts_at_full_speed_lose_and_double_nothing() -> None:
    world, stream = playing(5)
    stream.speed(200)
    world.run(4)
    for number in range(2, 6):
        world.kill(world.drivers[0])
        world.run(1)
        world.start_driver(f"driver-{number}")
        world.run(3, lose_batches=number % 2 == 0)
    world.run(6)
    world.settle()
    world.check(at_least=1000)
