"""The tick rules over arbitrary valid bars: playing a bar and aggregating the ticks gives the bar back.

With FULL=1: over 10,000 bars each.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.bars import Bar
from pipeline.domain.errors import InvalidValue
from pipeline.domain.ticks import TickText, beat_text, play, play_all, tick_number, ticks_needed

FULL = os.environ.get("FULL") == "1"
TIME = datetime(2026, 11, 20, 5, tzinfo=UTC)
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "tick.schema.json").read_text())


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    low = draw(st.integers(1, 10**11))
    high = low + draw(st.one_of(st.integers(0, 3), st.integers(0, 10**11)))
    inside = st.one_of(st.just(low), st.just(high), st.integers(low, high))
    volume = draw(st.one_of(st.integers(0, 5), st.integers(0, 10**15)))
    return Bar("AAPL", "daily", TIME, draw(inside), high, low, draw(inside), volume, "simulator")


@pytest.mark.timeout(1200 if FULL else 120)
@settings(max_examples=10_000 if FULL else 100)
@given(bars(), st.integers(0, 500), st.integers(0, 2**48))
def test_aggregating_the_ticks_gives_the_bar_back(bar: Bar, more: int, seed: int) -> None:
    n = ticks_needed(bar) + more
    path = play(bar, n, seed)
    assert len(path.prices) == len(path.sizes) == n
    assert (path.prices[0], path.prices[-1]) == (bar.open, bar.close)
    assert (path.prices.max(), path.prices.min()) == (bar.high, bar.low)
    assert sum(int(size) for size in path.sizes) == bar.volume
    assert path.sizes.min() >= 0


@pytest.mark.timeout(1200 if FULL else 120)
@settings(max_examples=10_000 if FULL else 100)
@given(bars(), st.integers(0, 2**48))
def test_the_same_bar_and_seed_give_the_same_ticks_and_another_seed_others(bar: Bar, seed: int) -> None:
    first, again = play(bar, 390, seed), play(bar, 390, seed)
    assert first.prices.tolist() == again.prices.tolist()
    assert first.sizes.tolist() == again.sizes.tolist()
    if bar.high - bar.low > 1000:
        assert play(bar, 390, seed + 1).prices.tolist() != first.prices.tolist()


def test_a_known_bar_is_played_the_same_on_every_machine() -> None:
    bar = Bar("AAPL", "daily", TIME, 5415600, 5476100, 5357000, 5424400, 34000400, "simulator")
    path = play(bar, 390, 7)
    assert path.prices[:5].tolist() == [5415600, 5408521, 5411213, 5412717, 5407113]
    assert path.sizes[:4].tolist() == [255738, 264725, 221228, 78924]


@given(st.lists(bars(), max_size=5), st.integers(4, 200), st.integers(0, 2**48))
def test_bars_that_are_played_together_are_played_as_each_alone(many: list[Bar], n: int, seed: int) -> None:
    for bar, path in zip(many, play_all(many, n, seed), strict=True):
        alone = play(bar, n, seed)
        assert (path.prices.tolist(), path.sizes.tolist()) == (alone.prices.tolist(), alone.sizes.tolist())


def test_volume_is_heavier_at_the_ends_of_the_bar() -> None:
    sizes = play(Bar("AAPL", "daily", TIME, 100, 200, 50, 150, 39_000_000, "simulator"), 390, 1).sizes
    assert sizes[:39].sum() > 2 * sizes[175:214].sum() < sizes[-39:].sum()


def test_too_few_ticks_for_a_bar_are_refused_with_the_number_needed() -> None:
    bar = Bar("AAPL", "daily", TIME, 100, 200, 50, 150, 10, "simulator")
    with pytest.raises(InvalidValue, match="at least 4"):
        play(bar, 3, 1)


def test_a_tick_s_encoding_follows_the_published_schema() -> None:
    bar = Bar("BRK.B", "daily", TIME, 100, 200, 50, 150, 10, "simulator")
    text = TickText.of(bar, "2026-11-22T16:05:12.300Z")
    beats = [beat_text(1795363512300, 3, beat, 1795363512400) for beat in (77, 78)]
    assert json.loads(text.encode(1, [5], [0], beats[:1]))["price"] == 0.0005
    encoded = text.encode(7, [1234567, 1230001], [3, 0], beats).split("\n")
    tick, following = map(json.loads, encoded)
    assert tick_number(encoded[1].encode()) == ("2026-11-22T16:05:12.300Z", 8)
    with pytest.raises(InvalidValue, match="a tick as a driver encodes it"):
        tick_number(b'{"price":1}')
    # multipleOf on floats is checked in decimal: binary floats have no exact 0.0001.
    schema = SCHEMA | {"properties": SCHEMA["properties"] | {"price": {"type": "number"}}}
    jsonschema.validate(tick, schema, format_checker=jsonschema.FormatChecker())
    assert (tick["seq"], tick["price"], tick["size"]) == (7, 123.4567, 3)
    assert (following["seq"], following["price"], following["size"]) == (8, 123.0001, 0)
    assert tick["event_time"] == "2026-11-22T16:05:12.400Z"
    assert tick["trace_id"] != following["trace_id"]
    assert tick["bar_time"] == "2026-11-20T05:00:00.000Z"
    assert set(tick) == set(SCHEMA["required"])
