"""What is missing and what comes again, told by the ticks' own numbers."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.bars import Bar
from pipeline.domain.errors import InvalidValue
from pipeline.domain.sequences import Sequences
from pipeline.domain.ticks import TickText, beat_text

SESSIONS = ("2026-11-22T16:05:12.300Z", "2026-11-23T16:05:12.300Z")


def encoded(session: str, seq: int, day: int = 20) -> bytes:
    bar = Bar("IBM", "daily", datetime(2026, 11, day, 5, tzinfo=UTC), 100, 200, 50, 150, 10, "simulator")
    return TickText.of(bar, session).encode(seq, [100], [1], [beat_text(0, 0, seq, 0)]).encode()


@given(st.lists(st.tuples(st.sampled_from(SESSIONS), st.integers(1, 12), st.integers(20, 21)), max_size=30))
def test_gaps_and_repeats_are_those_of_the_plain_rule(ticks: list[tuple[str, int, int]]) -> None:
    """However the bars change, by which a number is found where the tick before had it."""
    sequences, newest, gaps, repeats = Sequences(), None, 0, 0
    for session, seq, day in ticks:
        newer = newest is None or (session, seq) > newest
        assert sequences.newer("IBM", encoded(session, seq, day)) == newer
        if not newer:
            repeats += 1
            continue
        if newest:
            gaps += seq - 1 - (newest[1] if newest[0] == session else 0)
        newest = session, seq
    assert (sequences.gaps, sequences.repeats) == (gaps, repeats)


def test_what_is_no_tick_is_refused() -> None:
    with pytest.raises(InvalidValue, match="a tick as a driver encodes it"):
        Sequences().newer("IBM", b"{}")
