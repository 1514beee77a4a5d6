"""When a rule fires and clears: exact, whatever the values do."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.alerts import (
    Alert,
    Happening,
    Rule,
    RuleKind,
    Standing,
    State,
    checked_rule,
    judge,
    message,
    usual_clear,
    words,
)
from pipeline.domain.errors import InvalidValue
from pipeline.domain.gauges import Look, dry_run, gauge_of
from pipeline.domain.times import from_ms

ABOVE = Rule("7", "High", RuleKind.ABOVE, "IBM", 100.0, 95.0, cooldown_s=60)
BELOW = Rule("8", "Low", RuleKind.BELOW, "IBM", 95.0, 100.0, cooldown_s=60)
Changes = list[tuple[int, Happening]]
values = st.floats(min_value=80, max_value=120)
looks = st.lists(st.tuples(st.integers(min_value=1, max_value=40_000), values), max_size=30)  # ms since the one before


def run(rule: Rule, steps: list[tuple[int, float]], standing: Standing = Standing(), at: int = 0) -> Changes:  # noqa: B008
    changes: Changes = []
    for later, value in steps:
        at += later
        standing, happening = judge(rule, standing, value, at)
        if happening:
            changes.append((at, happening))
    return changes


class TestJudge:
    def test_it_fires_at_the_threshold_and_clears_at_the_second_one_only(self) -> None:
        steps = [(1000, 99.9), (1000, 100.0), (1000, 95.1), (1000, 104.0), (1000, 95.0)]
        assert run(ABOVE, steps) == [(2000, Happening.FIRED), (5000, Happening.CLEARED)]
        steps = [(1000, 95.1), (1000, 95.0), (1000, 99.9), (1000, 90.0), (1000, 100.0)]
        assert run(BELOW, steps) == [(2000, Happening.FIRED), (5000, Happening.CLEARED)]

    def test_what_is_beyond_the_threshold_when_the_cool_down_ends_fires_at_its_next_look(self) -> None:
        steps = [(1000, 100.0), (1000, 90.0), (1000, 101.0), (57_999, 101.0), (1, 101.0)]
        assert run(ABOVE, steps) == [(1000, Happening.FIRED), (2000, Happening.CLEARED), (61_000, Happening.FIRED)]

    def test_after_the_cool_down_it_is_ok_again(self) -> None:
        standing, _ = judge(ABOVE, Standing(), 100.0, 1000)
        standing, _ = judge(ABOVE, standing, 90.0, 2000)
        assert standing.state == State.CLEARING
        assert judge(ABOVE, standing, 97.0, 60_999)[0].state == State.CLEARING
        assert judge(ABOVE, standing, 97.0, 61_000)[0].state == State.OK

    def test_what_was_before_the_rule_was_made_is_not_judged(self) -> None:
        rule = replace(ABOVE, since_ms=5000)
        assert run(rule, [(5000, 200.0), (1, 200.0)]) == [(5001, Happening.FIRED)]

    @given(looks)
    def test_there_are_never_two_firings_within_the_cool_down(self, steps: list[tuple[int, float]]) -> None:
        fired = [at for at, happening in run(ABOVE, steps) if happening == Happening.FIRED]
        assert all(later - earlier >= 60_000 for earlier, later in pairwise(fired))

    @given(looks)
    def test_firings_and_clearings_take_turns(self, steps: list[tuple[int, float]]) -> None:
        turns = [happening for _, happening in run(ABOVE, steps)]
        assert turns == [Happening.FIRED, Happening.CLEARED] * (len(turns) // 2) + [Happening.FIRED] * (len(turns) % 2)

    @given(looks, st.lists(st.floats(min_value=95.0001, max_value=99.9999), max_size=30))
    def test_nothing_happens_between_the_thresholds(self, before: list[tuple[int, float]], inside: list[float]) -> None:
        standing, at = Standing(), 0
        for later, value in before:
            at += later
            standing, _ = judge(ABOVE, standing, value, at)
        assert run(ABOVE, [(20_000, value) for value in inside], standing, at) == []

    @given(looks)
    def test_no_firing_is_missed_that_the_cool_down_allows(self, steps: list[tuple[int, float]]) -> None:
        standing, at = Standing(), 0
        for later, value in steps:
            at += later
            before = standing
            standing, happening = judge(ABOVE, standing, value, at)
            cooling = before.fired_ms is not None and at < before.fired_ms + 60_000
            may = before.state != State.FIRING and not cooling
            assert (happening == Happening.FIRED) == (may and value >= 100)

    @given(looks)
    def test_the_same_looks_again_change_nothing(self, steps: list[tuple[int, float]]) -> None:
        """As after a restart: what is known is the newest firing, and the last minute's looks come again."""
        standing, at, trail = Standing(), 0, []
        for later, value in steps:
            at += later
            trail.append((at, value))
            standing, _ = judge(ABOVE, standing, value, at)
        again = standing
        for at, value in trail:
            again, happening = judge(ABOVE, again, value, at) if at <= standing.at_ms else (again, None)
            assert happening is None
        assert again == standing

    @given(looks)
    def test_a_rule_below_is_the_mirror_of_one_above(self, steps: list[tuple[int, float]]) -> None:
        mirror = replace(BELOW, threshold=100.0, clear_at=105.0)
        assert run(ABOVE, steps) == run(mirror, [(later, 200 - value) for later, value in steps])


def look(place: int, price: float, volume: int = 100, **other: int | str) -> Look:
    ticks = round(price * 10_000)
    values = {"open": ticks, "high": ticks, "low": ticks} | other
    return Look("IBM", place, place * 1000, session=str(values.pop("session", "s")), volume=volume, **values)  # type: ignore[arg-type]


bars = st.lists(
    st.tuples(st.integers(0, 3), st.integers(10_000, 20_000), st.integers(0, 500), st.integers(0, 500)), max_size=40
)


class TestGauges:
    def rule(self, kind: RuleKind, threshold: float, window: int = 10) -> Rule:
        return Rule("1", "Move", kind, "IBM", threshold, threshold / 2, window, cooldown_s=0)

    def test_a_price_rule_sees_a_bar_s_extremes_not_its_close(self) -> None:
        one = look(1, 90, high=1_010_000, low=800_000)
        above, below = gauge_of(ABOVE), gauge_of(BELOW)
        assert above
        assert below
        assert (above(one), below(one)) == (101.0, 80.0)

    @given(bars)
    def test_a_move_is_that_from_the_window_s_extreme(self, given: list[tuple[int, int, int, int]]) -> None:
        rise, fall = gauge_of(self.rule(RuleKind.RISE, 1, 5)), gauge_of(self.rule(RuleKind.FALL, 1, 5))
        assert rise
        assert fall
        seen: list[Look] = []
        place = 0
        for later, opened, up, down in given:
            place += later
            one = look(place, 1, open=opened, high=opened + up, low=opened - down)
            within = [old for old in seen if old.place > place - 5]
            lowest, highest = min([o.low for o in within] + [opened]), max([o.high for o in within] + [opened])
            assert rise(one) == pytest.approx(max(0, 100 * (one.high - lowest) / lowest))
            assert fall(one) == pytest.approx(max(0, 100 * (highest - one.low) / highest))
            seen.append(one)

    @given(bars)
    def test_a_volume_is_the_window_s_sum(self, given: list[tuple[int, int, int, int]]) -> None:
        gauge, seen, place = gauge_of(self.rule(RuleKind.VOLUME, 1, 5)), list[Look](), 0
        assert gauge
        for later, volume, _, _ in given:
            place += later
            seen.append(look(place, 1, volume))
            assert gauge(seen[-1]) == sum(one.volume for one in seen if one.place > place - 5)

    def test_a_new_session_is_no_move(self) -> None:
        rise = gauge_of(self.rule(RuleKind.RISE, 1))
        assert rise
        assert [rise(look(1, 100)), rise(look(2, 110)), rise(look(3, 200, session="next"))] == [0, 10, 0]

    def test_the_same_looks_give_the_same_alerts(self) -> None:
        rule = self.rule(RuleKind.RISE, 5)
        prices = [100, 101, 106, 106, 106, 100, 99, 105, 105]
        alerts = dry_run(rule, [look(n * 4, price) for n, price in enumerate(prices)])
        assert [(one.n, one.value, one.fired_at, one.cleared_at) for one in alerts] == [
            (1, 6.0, from_ms(8_000), from_ms(16_000)), (2, pytest.approx(6.0606, abs=1e-4), from_ms(28_000), None),
        ]  # fmt: skip
        assert alerts == dry_run(rule, [look(n * 4, price) for n, price in enumerate(prices)])

    def test_what_looks_at_no_bars_cannot_be_tried_on_them(self) -> None:
        with pytest.raises(InvalidValue, match="kind: expected a rule that looks at bars"):
            dry_run(Rule("1", "Quiet", RuleKind.SILENCE, "IBM", 30, 0), [])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"subject": "A&B"}, "subject"),
        ({"kind": RuleKind.STAGE, "subject": "fly"}, "subject"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"clear_at": 100.0}, "clear_at"),
        ({"clear_at": -1}, "clear_at"),
        ({"kind": RuleKind.BELOW, "clear_at": 100.0}, "clear_at"),
        ({"kind": RuleKind.SILENCE, "threshold": 4, "clear_at": 1}, "threshold"),
        ({"kind": RuleKind.VOLUME}, "window_s"),
        ({"kind": RuleKind.RISE, "window_s": 3601}, "window_s"),
        ({"cooldown_s": -1}, "cooldown_s"),
        ({"channels": ("pigeon",)}, "channels"),
        ({"channels": ("webhook",)}, "webhook_url"),
        ({"channels": ("webhook",), "webhook_url": "ftp://example.com"}, "webhook_url"),
        ({"channels": ("webhook",), "webhook_url": "https://example.com/a b"}, "webhook_url"),
        ({"channels": ("mail",)}, "mail_to"),
        ({"channels": ("mail",), "mail_to": ("a@b\nBcc: c@d",)}, "mail_to"),
    ],
)
def test_what_breaks_a_rule_is_named(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        checked_rule(replace(ABOVE, **change))  # type: ignore[arg-type]
    assert refused.value.field == field


@pytest.mark.parametrize("threshold", [0.0001, 0.01, 1.0, 123.4567, 9.9e11])
@pytest.mark.parametrize("kind", RuleKind)
def test_the_usual_second_threshold_keeps_the_rules(kind: RuleKind, threshold: float) -> None:
    if kind == RuleKind.SILENCE:
        threshold += 5
    subject = "show" if kind == RuleKind.STAGE else "IBM"
    checked_rule(Rule("1", "A", kind, subject, threshold, usual_clear(kind, threshold), window_s=60))


def test_all_means_the_watchlist_or_the_stages() -> None:
    assert replace(ABOVE, subject="*").subjects(["AAPL", "IBM"]) == ("AAPL", "IBM")
    assert ABOVE.subjects(["AAPL"]) == ("IBM",)
    assert Rule("1", "A", RuleKind.STAGE, "*", 10, 0).subjects([])[0] == "fetch"


def test_the_words_of_an_alert_say_what_happened() -> None:
    assert words(ABOVE, "IBM", 101.5, Happening.FIRED) == "IBM is at 101.50, at or above 100.00"
    assert words(ABOVE, "IBM", 94.0, Happening.CLEARED) == "IBM is at 94.00, at or below 95.00"
    assert words(BELOW, "IBM", 94.0, Happening.FIRED) == "IBM is at 94.00, at or below 95.00"
    rise = Rule("1", "A", RuleKind.RISE, "IBM", 2.5, 1, 60)
    assert words(rise, "IBM", 2.754, Happening.FIRED) == "IBM rose 2.75 % within 60 s; the limit is 2.5 %"
    assert words(rise, "IBM", 0.5, Happening.CLEARED) == "IBM rose only 0.50 % within 60 s; it clears at 1 %"


def test_a_message_has_no_address_of_a_channel() -> None:
    alert = Alert("7", "High", RuleKind.ABOVE, "IBM", 3, 100.0, 101.5, "IBM is at 101.50", from_ms(1000))
    assert message(alert, Happening.FIRED) == {
        "type": "alert.fired", "alert": "7:IBM:3", "rule": "High", "kind": "above", "subject": "IBM",
        "at": "1970-01-01T00:00:01.000Z", "fired_at": "1970-01-01T00:00:01.000Z", "threshold": 100.0, "value": 101.5,
        "text": "IBM is at 101.50",
    }  # fmt: skip
