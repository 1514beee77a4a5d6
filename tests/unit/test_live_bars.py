"""Live bars over arbitrary streams: each tick in one bar, exact sums, and the same bars wherever their maker is replaced."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.bars import Bar
from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import InvalidValue
from pipeline.domain.live_bars import INTERVALS, Checkpoint, LiveBar, LiveBars, Mark
from pipeline.domain.runs import block_runs
from pipeline.domain.ticks import TickText, beat_text, play
from pipeline.domain.times import from_ms, from_rfc3339, rfc3339, to_ms
from tests.unit.test_ticks import TIME, bars

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "bar.schema.json").read_text())
START_MS = 1_795_363_200_000  # a whole minute
SESSION_MS = START_MS - 60_000


@dataclass
class Stream:
    """One shard's batches, and the source bars that they play from the first tick to the last."""

    batches: list[Batch]
    played: list[Bar]


def encoded(bar: Bar, first_seq: int, due_ms: Sequence[int], first: int = 0, more: int = 0) -> list[str]:
    """Ticks of `bar`, one for each due time, from the one with index `first` on; `more` would follow."""
    path = play(bar, first + len(due_ms) + more, 7)
    part = slice(first, first + len(due_ms))
    beats = [beat_text(SESSION_MS, 1, beat, due) for beat, due in enumerate(due_ms)]
    text = TickText.of(bar, rfc3339(from_ms(SESSION_MS)))
    return text.encode(first_seq, path.prices[part].tolist(), path.sizes[part].tolist(), beats).split("\n")


def batch(beat: int, before: int | None, lines: dict[str, list[str]]) -> Batch:
    blocks = tuple((symbol, "\n".join(lines[symbol]).encode()) for symbol in sorted(lines))
    previous = None if before is None else Position(SESSION_MS, before)
    return Batch(1, Position(SESSION_MS, beat), previous, 1, 0.0, sum(map(len, lines.values())), blocks)


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Up to three symbols play up to four bars at any speed, cut into batches anywhere; after a bar times may step or wait."""
    speed = draw(st.floats(0.1, 1000))
    beat_us, length = round(100_000 / speed), draw(st.integers(4, 30))
    symbols = draw(st.sampled_from((("A",), ("A", "BRK.B"), ("A", "B", "C"))))
    beats: list[dict[str, str]] = []  # each beat's line of each symbol
    breaks, played, seqs, due_us = {0}, list[Bar](), dict.fromkeys(symbols, 1), START_MS * 1000
    for slot in range(draw(st.integers(1, 4))):
        members = [symbol for symbol in symbols if draw(st.booleans())] or list(symbols)
        ones = [replace(draw(bars()), symbol=symbol, time=TIME + timedelta(days=slot)) for symbol in members]
        due = [(due_us + beat_us * n) // 1000 for n in range(length)]
        lines = {bar.symbol: encoded(bar, seqs[bar.symbol], due) for bar in ones}
        beats += [{symbol: texts[n] for symbol, texts in lines.items()} for n in range(length)]
        played += ones
        seqs |= {symbol: seqs[symbol] + length for symbol in members}
        step_ms = draw(st.sampled_from((0, 0, -2500, -70, 400, 90_000)))
        due_us += beat_us * length + 1000 * step_ms
        if step_ms:
            breaks.add(len(beats))  # a leg's end, which no batch goes over
    cuts = sorted(breaks | {len(beats)} | draw(st.sets(st.integers(1, len(beats)))))
    return Stream([_joined(beats, first, end) for first, end in pairwise(cuts)], played)


def _joined(beats: Sequence[dict[str, str]], first: int, end: int) -> Batch:
    lines: dict[str, list[str]] = defaultdict(list)
    for beat in beats[first:end]:
        for symbol, line in beat.items():
            lines[symbol].append(line)
    return batch(end - 1, first - 1 if first else None, lines)


def finished(stream: Stream) -> list[LiveBar]:
    """All bars of a stream that then falls silent."""
    live = LiveBars()
    found = [bar for batch in stream.batches for bar in live.add(batch)]
    return found + live.pass_over(2**40)


def model(stream: Stream) -> Iterator[LiveBar]:
    """The rule, tick by tick."""
    for interval, length in INTERVALS.items():
        window, groups = 0, defaultdict(list)
        for one in stream.batches:
            newest = window
            for _, block in one.blocks:
                for tick in map(json.loads, block.splitlines()):
                    own = to_ms(from_rfc3339(tick["event_time"])) // 1000 // length * length
                    start = max(own, window)
                    newest = max(newest, start)
                    groups[tick["symbol"], tick["bar_time"], start].append((tick, own < start))
            window = newest
        for (symbol, bar_time, start), entries in groups.items():
            ticks, prices = [tick for tick, _ in entries], [round(tick["price"] * 10_000) for tick, _ in entries]
            yield LiveBar(
                symbol, interval, start, ticks[0]["session"], bar_time, prices[0], max(prices), min(prices), prices[-1],
                sum(tick["size"] for tick in ticks), len(ticks), ticks[0]["seq"], ticks[-1]["seq"],
                sum(late for _, late in entries), "simulator",
            )  # fmt: skip


def by_name(found: Iterable[LiveBar]) -> list[LiveBar]:
    return sorted(found, key=lambda bar: (bar.interval, bar.symbol, bar.first_seq))


def totals(found: Iterable[LiveBar]) -> dict[tuple[str, str, str], list[int]]:
    """(interval, symbol, bar time) -> open, high, low, close, volume of its live bars together."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for bar in found:
        total = sums.setdefault((bar.interval, bar.symbol, bar.bar_time), [bar.open, bar.high, bar.low, bar.close, 0])
        total[1:] = max(total[1], bar.high), min(total[2], bar.low), bar.close, total[4] + bar.volume
    return sums


@given(streams())
def test_over_a_whole_source_bar_they_add_up_to_it_exactly(stream: Stream) -> None:
    assert totals(finished(stream)) == {
        (interval, bar.symbol, rfc3339(bar.time)): [bar.open, bar.high, bar.low, bar.close, bar.volume]
        for interval in INTERVALS
        for bar in stream.played
    }


@given(streams())
def test_they_are_the_bars_of_the_rule_whatever_the_batches(stream: Stream) -> None:
    found = finished(stream)
    assert by_name(found) == by_name(model(stream))
    for bar in found:
        assert LiveBar.decoded(bar.encoded()) == bar


@given(streams())
def test_each_symbol_s_bars_come_in_order_and_leave_no_tick_out(stream: Stream) -> None:
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    for bar in finished(stream):
        key = bar.symbol, bar.interval
        assert bar.first_seq == numbers[key] + 1
        numbers[key] = bar.last_seq


def goes_on(checkpoint: Checkpoint | None, seen: Sequence[Batch]) -> LiveBars:
    """As whoever opens a shard's log: what is needed is given again."""
    kept = Checkpoint.from_json(checkpoint.to_json()) if checkpoint else None
    live = LiveBars(kept)
    for one in seen:
        if kept and (kept.needed is None or one.position > kept.needed):
            live.add(one)
    return live


@given(streams(), st.data())
def test_who_goes_on_from_a_checkpoint_makes_the_same_bars(stream: Stream, data: st.DataObject) -> None:
    """At any place, also after silences, which nobody can see in the batches again."""
    live, other = LiveBars(), LiveBars()
    for index, one in enumerate(stream.batches, 1):
        assert by_name(other.add(one)) == by_name(live.add(one))
        if data.draw(st.integers(0, 5)) == 0:
            newest = max(run[2] for symbol, block in one.blocks for run in block_runs(symbol, block))
            over = newest + data.draw(st.sampled_from((-2, 1, 2, 60)))
            assert by_name(other.pass_over(over)) == by_name(live.pass_over(over))
        if data.draw(st.booleans()):
            other = goes_on(live.checkpoint(), stream.batches[:index])
        assert other.checkpoint() == live.checkpoint()
    assert by_name(other.pass_over(2**40)) == by_name(live.pass_over(2**40))


@given(streams(), st.data())
def test_a_bar_that_may_lack_ticks_is_left_out(stream: Stream, data: st.DataObject) -> None:
    """Who goes on without some of the batches that are needed makes nothing but bars that are whole."""
    whole = finished(stream)
    at = data.draw(st.integers(0, len(stream.batches)))
    lost = data.draw(st.integers(0, at))
    live = LiveBars()
    for one in stream.batches[:at]:
        live.add(one)
    checkpoint = live.checkpoint()
    if checkpoint and data.draw(st.booleans()):
        checkpoint = Checkpoint(checkpoint.position)
    other = goes_on(checkpoint, stream.batches[lost:at])
    if data.draw(st.booleans()):  # replaced again before its first window is over
        again = other.checkpoint()
        other = goes_on(again if again and again.position == stream.batches[at - 1].position else checkpoint, [])
    made = [bar for one in stream.batches[at:] for bar in other.add(one)] + other.pass_over(2**40)
    late = sum(bar.late for bar in whole)
    assert late or set(made) <= set(whole)


def ticks_at(*seconds: float, bar: Bar | None = None, seq: int = 1, more: int = 0) -> list[str]:
    due = [START_MS + round(1000 * second) for second in seconds]
    return encoded(bar or Bar("A", "daily", TIME, 100, 200, 50, 150, 1000, "simulator"), seq, due, seq - 1, more)


def test_a_symbol_that_fell_silent_is_passed_by_the_others_of_its_shard() -> None:
    other = Bar("B", "daily", TIME, 100, 200, 50, 150, 1000, "simulator")
    live = LiveBars()
    live.add(batch(3, None, {"A": ticks_at(0.1, 0.2, 0.3, 0.4), "B": ticks_at(0.1, 0.2, 0.3, 0.4, bar=other, more=1)}))
    made = live.add(batch(4, 3, {"B": ticks_at(1.1, bar=other, seq=5)}))
    assert [(bar.symbol, bar.interval, bar.ticks) for bar in made] == [("B", "1s", 4), ("A", "1s", 4)]


def test_a_late_tick_joins_the_window_that_its_shard_is_in_and_is_counted() -> None:
    live = LiveBars()
    live.add(batch(1, None, {"A": ticks_at(0.9, 1.0, more=3)}))
    live.add(batch(2, 1, {"A": ticks_at(0.95, seq=3, more=2)}))
    (bar,) = live.add(batch(4, 2, {"A": ticks_at(2.0, 2.1, seq=4)}))
    assert (bar.start - START_MS // 1000, bar.first_seq, bar.last_seq, bar.late) == (1, 2, 3, 1)


def test_a_silent_shard_s_bars_are_finished_once_their_windows_are_over() -> None:
    live, second = LiveBars(), START_MS // 1000
    live.add(batch(1, None, {"A": ticks_at(10.1, 10.2, more=2)}))
    assert live.pass_over(second + 10) == []
    assert [(bar.interval, bar.ticks) for bar in live.pass_over(second + 11)] == [("1s", 2)]
    assert live.pass_over(second + 59) == []
    live.add(batch(2, 1, {"A": ticks_at(10.9, seq=3, more=1)}))  # later than anybody waited for
    assert [(bar.start - second, bar.late) for bar in live.pass_over(second + 12)] == [(11, 1)]
    assert [(bar.interval, bar.ticks, bar.late) for bar in live.pass_over(second + 60)] == [("1min", 3, 0)]


def test_a_checkpoint_names_where_the_oldest_open_window_began_and_is_short() -> None:
    live = LiveBars()
    assert live.checkpoint() is None
    for n in range(900):
        live.add(batch(n, n - 1 if n else None, {"A": ticks_at(n / 10, seq=n + 1, more=3)}))
    checkpoint = live.checkpoint()
    second = START_MS // 1000
    assert checkpoint == Checkpoint(
        Position(SESSION_MS, 899),
        (Mark(Position(SESSION_MS, 889), second + 88), Mark(Position(SESSION_MS, 599), second)),
    )
    assert checkpoint.needed == Position(SESSION_MS, 599)
    assert len(checkpoint.to_json()) < 150


def test_who_does_not_know_all_that_is_open_says_so_until_its_window_is_over() -> None:
    live, second = LiveBars(Checkpoint(Position(SESSION_MS, 0))), START_MS // 1000
    for n, marks in enumerate(((None, None), (Mark(Position(SESSION_MS, 1), second + 10), None)), 1):
        live.add(batch(n, n - 1, {"A": ticks_at(9.5 + n, seq=n, more=3)}))
        assert live.checkpoint() == Checkpoint(Position(SESSION_MS, n), marks)
    (bar,) = live.add(batch(3, 2, {"A": ticks_at(60.0, seq=3, more=1)}))
    assert (bar.interval, bar.start - second) == ("1s", 11)


def test_a_checkpoint_from_before_there_were_bars_is_read() -> None:
    checkpoint = Checkpoint.from_json(b"[1795363200000, 17]")
    assert checkpoint == Checkpoint(Position(1795363200000, 17), (None, None))
    assert checkpoint.needed == checkpoint.position


def test_a_bar_s_text_follows_the_published_schema() -> None:
    live = LiveBars()
    live.add(batch(3, None, {"A": ticks_at(0.1, 0.2, 0.3, 0.4)}))
    told: dict[str, Any] = json.loads(live.pass_over(2**40)[1].encoded())
    jsonschema.validate(told, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert (told["interval"], told["start"], told["end"]) == (
        "1min", rfc3339(from_ms(START_MS)), rfc3339(from_ms(START_MS + 60_000)),
    )  # fmt: skip
    assert [told[name] for name in ("open", "high", "low", "close", "volume")] == [0.01, 0.02, 0.005, 0.015, 1000]


@pytest.mark.parametrize("block", [b"", b"A-1\nA-2", b'{"symbol":"A"}'])
def test_what_is_no_tick_is_refused(block: bytes) -> None:
    with pytest.raises(InvalidValue, match="block"):
        block_runs("A", block)
