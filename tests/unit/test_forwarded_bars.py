"""Live bars as they come out beside the ticks: whatever dies or falls silent, each tick is in one bar, every bar is right."""

import json
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.batches import BATCH_FAMILY
from pipeline.domain.live_bars import INTERVALS, LiveBar
from pipeline.domain.rules import TickRules
from pipeline.domain.times import from_rfc3339, to_ms
from pipeline.ports.table import RowRange
from pipeline.stages.stream import Stream
from tests.unit.engine_world import SYMBOLS, World

Key = tuple[str, str]  # session, symbol
EVENTS = ("run", "kill", "kill", "deaf", "away", "pause", "resume", "fast", "slow", "seek", "lose batches", "down")
ENOUGH_S = 75  # of silence, for a minute's bars


class Played:
    """A world under orders and failures. Not two sessions: a symbol's numbers go from 1 on."""

    def __init__(self, rules: TickRules | None = None) -> None:
        self.world = World(rules or TickRules(ticks_per_bar=50))
        self.world.open_session()
        self.world.start_driver()
        self.world.run(3)
        self.stream = Stream(self.world.plan, self.world.bars, self.world.clock, self.world.rules, "simulator")

    def do(self, event: str) -> None:
        world, stream = self.world, self.stream
        match event:
            case "kill":
                world.start_receiver()
            case "deaf" | "away":
                setattr(world.broker, event, True)
                world.run(2)
                setattr(world.broker, event, False)
            case "pause":
                stream.pause()
                world.run(6)
            case "resume":
                stream.resume()
            case "fast" | "slow":
                stream.speed(40 if event == "fast" else 0.5)
            case "seek":
                stream.seek(from_rfc3339(stream.playing().session.slots[5].isoformat()))  # type: ignore[union-attr]
            case "lose batches":
                world.run(0.5, lose_batches=True)
            case "down":
                world.receiver_runs = False
                world.run(9)
                world.receiver_runs = True
                world.start_receiver()
        world.run(1.7)

    def end(self) -> None:
        """No driver more, until all bars are finished."""
        self.world.drivers.clear()
        for _ in range(2):
            self.world.clock.sleep(ENOUGH_S / 2)
            self.world.run(4)

    def ticks(self) -> dict[Key, list[dict[str, Any]]]:
        found: dict[Key, list[dict[str, Any]]] = defaultdict(list)
        for log in self.world.broker.ticks.values():
            for tick in (json.loads(logged.value) for logged in log):
                found[tick["session"], tick["symbol"]].append(tick)
        return found

    def bars(self, interval: str) -> dict[Key, list[LiveBar]]:
        found: dict[Key, list[LiveBar]] = defaultdict(list)
        for log in self.world.broker.bars.values():
            for bar in (LiveBar.decoded(logged.value) for logged in log):
                if bar.interval == interval:
                    found[bar.session, bar.symbol].append(bar)
        return found

    def check(self) -> int:
        """Returns how many bars there are."""
        ticks, count = self.ticks(), 0
        for interval, length in INTERVALS.items():
            bars = self.bars(interval)
            assert set(bars) == set(ticks)
            for key, found in bars.items():
                seq = 0
                for bar in found:
                    assert bar.first_seq == seq + 1, "none lost, none twice, in order"
                    seq = bar.last_seq
                    check_bar(bar, ticks[key][bar.first_seq - 1 : seq], length)
                assert seq == len(ticks[key]), "all of a session that is over"
                count += len(found)
        return count


def check_bar(bar: LiveBar, ticks: list[dict[str, Any]], length: int) -> None:
    prices = [round(tick["price"] * 10_000) for tick in ticks]
    own = [to_ms(from_rfc3339(tick["event_time"])) // 1000 // length * length for tick in ticks]
    assert {tick["bar_time"] for tick in ticks} == {bar.bar_time}
    assert max(own) <= bar.start
    assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
    assert (bar.volume, bar.ticks) == (sum(tick["size"] for tick in ticks), len(ticks))
    assert bar.late == sum(one < bar.start for one in own)


@settings(max_examples=12)
@given(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=7))
def test_whatever_happens_each_tick_is_in_one_bar_and_every_bar_is_right(events: list[str]) -> None:
    played = Played()
    for event in events:
        played.do(event)
    played.end()
    assert played.check() > 2 * len(SYMBOLS)
    played.world.check(at_least=20)


def test_without_trouble_over_each_source_bar_they_add_up_to_it_and_none_is_late() -> None:
    played = Played()
    played.world.run(70)
    played.end()
    played.check()
    daily = {
        (symbol, bar.time): (bar.open, bar.high, bar.low, bar.close, bar.volume)
        for symbol in SYMBOLS
        for bar in played.world.bars.bars(
            symbol, "daily", from_rfc3339("2000-01-01T00:00:00Z"), played.world.clock.now()
        )
    }
    for interval in INTERVALS:
        whole = 0
        for found in played.bars(interval).values():
            assert not any(bar.late for bar in found)
            for time in {bar.bar_time for bar in found}:
                parts = [bar for bar in found if bar.bar_time == time]
                if sum(bar.ticks for bar in parts) == played.world.rules.ticks_per_bar:
                    whole += 1
                    assert daily[parts[0].symbol, from_rfc3339(time)] == (
                        parts[0].open, max(bar.high for bar in parts), min(bar.low for bar in parts), parts[-1].close,
                        sum(bar.volume for bar in parts),
                    )  # fmt: skip
        assert whole >= 13 * len(SYMBOLS)


def test_a_pause_finishes_the_bars_that_are_open_when_their_windows_are_over() -> None:
    played = Played()
    played.stream.pause()
    played.world.run(6)
    played_ticks = {key: len(ticks) for key, ticks in played.ticks().items()}
    assert {key: bars[-1].last_seq for key, bars in played.bars("1s").items()} == played_ticks
    played.world.run(64)
    assert {key: bars[-1].last_seq for key, bars in played.bars("1min").items()} == played_ticks
    played.stream.resume()
    played.world.run(5)
    played.end()
    played.check()


def test_the_batches_that_open_bars_need_stay_in_the_table() -> None:
    """A retention shorter than a minute; whoever is started again at the minute's end needs all of it."""
    played = Played(TickRules(ticks_per_bar=50, retention_s=10))
    for _ in range(9):
        played.world.run(11)
        played.world.start_receiver()
    played.end()
    played.check()
    left = sum(1 for _ in played.world.table.scan(RowRange(), [BATCH_FAMILY]))
    assert left < 20 * 10 * 4, "and go when they are needed no more"


def test_bars_whose_ticks_are_gone_are_left_out_and_the_next_are_whole() -> None:
    played = Played()
    played.world.run(20)
    played.world.table.delete_rows(None, None)
    played.world.start_receiver()
    played.world.run(70)
    played.end()
    ticks, holes = played.ticks(), Counter[str]()
    for interval, length in INTERVALS.items():
        for key, bars in played.bars(interval).items():
            holes[interval] += sum(later.first_seq != before.last_seq + 1 for before, later in pairwise(bars))
            for bar in bars:
                check_bar(bar, ticks[key][bar.first_seq - 1 : bar.last_seq], length)
    assert holes == {interval: len(SYMBOLS) for interval in INTERVALS}


@pytest.mark.parametrize("seconds", [20, 61])
def test_a_broker_started_anew_gets_whole_bars_from_the_table_s_copy_on(seconds: float) -> None:
    played = Played()
    played.world.run(seconds)
    before = played.ticks()
    broker = played.world.broker
    for kept in (broker.ticks, broker.bars, broker.checkpoints):
        kept.clear()
    played.world.start_receiver("receiver-2")
    played.world.run(20)
    played.end()
    after = played.ticks()
    for interval, length in INTERVALS.items():
        for key, bars in played.bars(interval).items():
            known = {tick["seq"]: tick for tick in before[key] + after[key]}
            for bar in bars:
                check_bar(bar, [known[seq] for seq in range(bar.first_seq, bar.last_seq + 1)], length)
