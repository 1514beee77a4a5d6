"""The plan's rules: which leg holds, and that sequence numbers never gap or repeat over legs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.bars import Bar
from pipeline.domain.batches import Position
from pipeline.domain.sessions import (
    Leg,
    Place,
    Session,
    Span,
    cut_leg,
    following_leg,
    joining_leg,
    leg_following,
    next_beat,
    opening_leg,
    paced_leg,
    sought_leg,
    with_bars,
)
from pipeline.domain.sharding import shard_of

T0 = datetime(2026, 11, 18, 5, tzinfo=UTC)
SLOTS = tuple(T0 + timedelta(days=n) for n in range(8))
SESSION = Session(1_000_000, 7, "daily", "simulator", SLOTS, ("AAPL", "MSFT"), 100, 390)
FAST = replace(SESSION, speed=20.0)  # a slot in less than two seconds: several in a leg
PLACE = Place(2, 1, 1, None)


def bar(symbol: str, slot: int = 0) -> Bar:
    return Bar(symbol, "daily", SLOTS[slot], 100, 120, 90, 110, 1000, "simulator")


def first_leg(session: Session = SESSION, *symbols: str) -> Leg:
    leg = opening_leg(session, PLACE, 2, 1_000_000)
    slots = [span.slot for span in leg.spans]
    return with_bars(leg, session, [bar(symbol, slot) for slot in slots for symbol in symbols or ("AAPL",)])


def following(leg: Leg, *bars: Bar, session: Session = SESSION) -> Leg:
    after = following_leg(leg, session, 1, leg.number + 1, 2)
    assert after
    return with_bars(after, session, bars)


def test_beats_are_due_every_tick_ms_from_the_leg_s_start() -> None:
    leg = first_leg()
    assert (leg.due_ms(0), leg.due_ms(389), leg.end) == (1_000_000, 1_038_900, 390)
    after = following(leg, bar("AAPL", 1))
    assert after.starts_ms == 1_039_000
    assert after.previous == Position(1_000_000, 389)


def test_the_next_slot_numbers_on_where_the_last_one_ended() -> None:
    after = following(first_leg(), bar("AAPL", 1))
    assert [(s.first_seq, s.first_beat, s.ticks) for s in after.segments] == [(391, 390, 390)]
    assert after.next_seq == {"AAPL": 781}


def test_a_symbol_that_has_no_bar_in_a_slot_keeps_its_place_in_the_numbering() -> None:
    silent = following(first_leg())
    assert silent.segments == ()
    assert silent.next_seq == {"AAPL": 391}


def test_a_fast_session_s_leg_plays_several_slots() -> None:
    leg = first_leg(FAST)
    assert [(span.slot, span.first_beat) for span in leg.spans] == [(n, 390 * n) for n in range(6)]
    assert [(s.first_seq, s.first_beat) for s in leg.segments] == [(390 * n + 1, 390 * n) for n in range(6)]
    assert (leg.beat_us, leg.stride) == (5000, 20)
    assert leg.due_ms(leg.end) == 1_000_000 + 6 * 1950
    after = following(leg, session=FAST)
    assert [span.slot for span in after.spans] == [6, 7]
    assert following_leg(after, FAST, 1, 3, 2) is None


@pytest.mark.parametrize(("speed", "apart_us", "stride"), [(0.1, 1_000_000, 1), (1, 100_000, 1), (2.6, 38_462, 3)])
def test_batches_stay_about_a_tenth_of_a_second_apart_at_any_speed(speed: float, apart_us: int, stride: int) -> None:
    leg = paced_leg(first_leg(), SESSION, speed, 2)
    assert (leg.beat_us, leg.stride) == (apart_us, stride)


def test_a_batch_of_many_symbols_has_fewer_beats() -> None:
    assert paced_leg(first_leg(), SESSION, 1000, 1).stride == 1000
    assert paced_leg(first_leg(), SESSION, 1000, 500).stride == 4
    assert paced_leg(first_leg(), SESSION, 1000, 50_000).stride == 1


def test_a_batch_ends_with_its_leg_and_the_next_begins_after_it() -> None:
    leg = cut_leg(first_leg(FAST), 2, 1, 390 * 6 - 30, 0)
    assert leg.batch_end(leg.first_beat) == 390 * 6 - 10
    assert leg.batch_end(390 * 6 - 10) == 390 * 6
    assert next_beat(leg, leg.previous) == leg.first_beat
    assert next_beat(leg, Position(1_000_000, 390 * 6 - 11)) == 390 * 6 - 10


def test_a_symbol_that_joins_plays_its_whole_bar_in_the_beats_that_are_left() -> None:
    cut = cut_leg(first_leg(), 2, 1, 300, first_leg().due_ms(300))
    wider = with_bars(cut, SESSION, [bar("MSFT")])
    joined = wider.segments[1]
    assert (joined.first_seq, joined.first_beat, joined.ticks) == (1, 300, 90)
    assert wider.segments[0] == first_leg().segments[0]
    assert cut.previous == Position(1_000_000, 299)


def test_a_symbol_whose_bar_needs_more_ticks_than_are_left_waits_for_the_next_slot() -> None:
    cut = with_bars(cut_leg(first_leg(), 2, 1, 388, 0), SESSION, [bar("MSFT")])
    assert [s.bar.symbol for s in cut.segments] == ["AAPL"]
    assert "MSFT" not in cut.next_seq


def test_a_cut_drops_the_slots_that_are_over() -> None:
    cut = cut_leg(first_leg(FAST), 2, 1, 1000, 5)
    assert cut.spans[0] == Span(2, 1000, 170)
    assert [s.first_beat for s in cut.segments] == [780, 1170, 1560, 1950]
    assert cut.slot_at(1000) == 2
    assert cut.slot_at(1170) == 3


def test_after_a_seek_the_numbers_go_on_from_the_last_tick_that_was_played() -> None:
    leg = first_leg(FAST, "AAPL", "MSFT")
    sought = sought_leg(cut_leg(leg, 2, 1, 1000, 5), FAST, 1000, 7, 2)
    assert [(span.slot, span.first_beat) for span in sought.spans] == [(7, 1000)]
    assert sought.next_seq == {"AAPL": 1001, "MSFT": 1001}
    assert with_bars(sought, FAST, [bar("AAPL", 7)]).segments[0].first_seq == 1001


def test_a_later_leg_supersedes_an_earlier_one_from_where_it_starts() -> None:
    leg = first_leg()
    cut = cut_leg(leg, 3, 2, 20, 9_000_000)
    ahead = following(leg)  # number 2, written before the cut
    legs = [ahead, cut]
    assert leg_following(Position(1_000_000, 18), leg, legs) is leg
    assert leg_following(Position(1_000_000, 19), leg, legs) is cut
    # The leg that was written ahead of the cut does not follow it.
    assert leg_following(Position(1_000_000, 389), cut, legs) is None


def test_a_plan_ends_where_no_leg_goes_on() -> None:
    assert leg_following(Position(1_000_000, 389), first_leg(), []) is None
    assert leg_following(None, None, []) is None
    assert leg_following(None, None, [first_leg()]) == first_leg()


def test_a_leg_of_which_nothing_was_played_yet_is_still_the_one_to_play() -> None:
    assert leg_following(None, first_leg(), []) == first_leg()


@pytest.mark.parametrize(
    ("now_ms", "slot", "beat", "starts_ms"),
    [(1_001_050, 0, 11, 1_001_100), (1_038_950, 1, 390, 1_039_000), (9_999_999, 1, 390, 9_999_999)],
)
def test_a_shard_joins_beside_the_newest_leg(now_ms: int, slot: int, beat: int, starts_ms: int) -> None:
    joined = joining_leg(SESSION, first_leg(), Place(1, 5, 3, Position(7, 7)), 2, now_ms)
    assert joined
    assert (joined.spans[0].slot, joined.first_beat, joined.starts_ms) == (slot, beat, starts_ms)
    assert (joined.shard, joined.number, joined.epoch, joined.previous) == (1, 5, 3, Position(7, 7))
    assert (joined.segments, joined.next_seq) == ((), {})


def test_a_shard_that_joins_a_paused_session_is_paused_at_the_same_beat() -> None:
    paused = replace(cut_leg(first_leg(), 2, 1, 100, 0), paused=True, orders=1)
    joined = joining_leg(SESSION, paused, Place(1, 1, 1, None), 2, 9_999_999)
    assert joined
    assert (joined.paused, joined.orders, joined.first_beat) == (True, 1, 100)


def test_a_shard_does_not_join_a_session_that_is_about_to_end() -> None:
    last = following(first_leg(FAST), session=FAST)
    assert joining_leg(FAST, last, PLACE, 2, last.due_ms(last.end)) is None


def test_symbols_spread_over_shards_the_same_way_everywhere() -> None:
    assert [shard_of(s, 4) for s in ("AAPL", "MSFT", "GOOGL", "IBM", "META")] == [2, 0, 3, 2, 3]
    spread = [shard_of(f"S{i}", 4) for i in range(4000)]
    assert all(800 < spread.count(shard) < 1200 for shard in range(4))


def test_another_number_of_shards_moves_only_what_it_must() -> None:
    moved = sum(shard_of(f"S{i}", 4) != shard_of(f"S{i}", 5) for i in range(4000))
    assert 600 < moved < 1000
