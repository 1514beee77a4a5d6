"""The plan's rules: which leg holds, and that sequence numbers never gap or repeat over legs."""

from datetime import UTC, datetime, timedelta

from pipeline.domain.bars import Bar
from pipeline.domain.batches import Position
from pipeline.domain.sessions import (
    Leg,
    Session,
    cut_leg,
    following_leg,
    leg_following,
    opening_leg,
    place_to_join,
)
from pipeline.domain.sharding import shard_of

T0 = datetime(2026, 11, 18, 5, tzinfo=UTC)
SLOTS = (T0, T0 + timedelta(days=1))
SESSION = Session(1_000_000, 7, "daily", "simulator", SLOTS, ("AAPL", "MSFT"), 100, 39)


def bar(symbol: str, slot: int = 0) -> Bar:
    return Bar(symbol, "daily", SLOTS[slot], 100, 120, 90, 110, 1000, "simulator")


def first_leg() -> Leg:
    return opening_leg(SESSION, 2, 1, 1, None, 0, 0, 1_000_000, [bar("AAPL")])


def test_beats_are_due_every_tick_ms_from_the_leg_s_start() -> None:
    leg = first_leg()
    assert (leg.due_ms(0), leg.due_ms(38), leg.end) == (1_000_000, 1_003_800, 39)
    following = following_leg(leg, SESSION, 1, [bar("AAPL", 1)])
    assert following.starts_ms == 1_003_900
    assert following.previous == Position(1_000_000, 38)


def test_the_next_slot_numbers_on_where_the_last_one_ended() -> None:
    following = following_leg(first_leg(), SESSION, 1, [bar("AAPL", 1)])
    assert [(s.first_seq, s.first_beat, s.ticks) for s in following.segments] == [(40, 39, 39)]
    assert following.next_seq == {"AAPL": 79}


def test_a_symbol_that_has_no_bar_in_a_slot_keeps_its_place_in_the_numbering() -> None:
    silent = following_leg(first_leg(), SESSION, 1, [])
    assert silent.segments == ()
    assert silent.next_seq == {"AAPL": 40}


def test_a_symbol_that_joins_plays_its_whole_bar_in_the_beats_that_are_left() -> None:
    cut = cut_leg(first_leg(), 2, 1, 30, first_leg().due_ms(30), [bar("MSFT")])
    joined = cut.segments[1]
    assert (joined.first_seq, joined.first_beat, joined.ticks) == (1, 30, 9)
    assert cut.segments[0] == first_leg().segments[0]
    assert cut.previous == Position(1_000_000, 29)


def test_a_symbol_whose_bar_needs_more_ticks_than_are_left_waits_for_the_next_slot() -> None:
    cut = cut_leg(first_leg(), 2, 1, 37, 0, [bar("MSFT")])
    assert [s.bar.symbol for s in cut.segments] == ["AAPL"]
    assert "MSFT" not in cut.next_seq


def test_a_later_leg_supersedes_an_earlier_one_from_where_it_starts() -> None:
    leg = first_leg()
    cut = cut_leg(leg, 3, 2, 20, 9_000_000)
    ahead = following_leg(leg, SESSION, 1, [])  # number 2, written before the cut
    legs = [ahead, cut]
    assert leg_following(Position(1_000_000, 18), leg, legs) is leg
    assert leg_following(Position(1_000_000, 19), leg, legs) is cut
    # The leg that was written ahead of the cut does not follow it.
    assert leg_following(Position(1_000_000, 38), cut, legs) is None


def test_a_plan_ends_where_no_leg_goes_on() -> None:
    assert leg_following(Position(1_000_000, 38), first_leg(), []) is None
    assert leg_following(None, None, []) is None
    assert leg_following(None, None, [first_leg()]) == first_leg()


def test_a_leg_of_which_nothing_was_played_yet_is_still_the_one_to_play() -> None:
    assert leg_following(None, first_leg(), []) == first_leg()


def test_a_shard_joins_beside_the_newest_leg() -> None:
    leg = first_leg()
    assert place_to_join(SESSION, None, 5) == (0, 0, 1_000_000)
    assert place_to_join(SESSION, None, 2_000_000) == (0, 0, 2_000_000)
    assert place_to_join(SESSION, leg, 1_001_050) == (0, 11, 1_001_100)
    assert place_to_join(SESSION, leg, 1_003_850) == (1, 39, 1_003_900)
    assert place_to_join(SESSION, leg, 9_999_999) == (1, 39, 9_999_999)


def test_symbols_spread_over_shards_the_same_way_everywhere() -> None:
    assert [shard_of(s, 4) for s in ("AAPL", "MSFT", "GOOGL", "IBM", "META")] == [
        shard_of(s, 4) for s in ("AAPL", "MSFT", "GOOGL", "IBM", "META")
    ]
    spread = [shard_of(f"S{i}", 4) for i in range(4000)]
    assert all(800 < spread.count(shard) < 1200 for shard in range(4))


def test_another_number_of_shards_moves_only_what_it_must() -> None:
    moved = sum(shard_of(f"S{i}", 4) != shard_of(f"S{i}", 5) for i in range(4000))
    assert 600 < moved < 1000
