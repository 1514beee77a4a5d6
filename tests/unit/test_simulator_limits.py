"""The simulator's limits and counts, on a clock that the test moves."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.embedded.alphavantage.limits import NO_PLAN, PLANS, Limits, Plan, fingerprint

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
EVENING = datetime(2026, 11, 21, 4, 59, 59, tzinfo=UTC)  # 23:59:59 in New York


class World:
    def __init__(self, plan: Plan) -> None:
        self.elapsed, self.now = 1000.0, NOON
        self.limits = Limits(plan, lambda: self.elapsed)

    def ask(self, after: float = 0.0, key: str = "one") -> str:
        """Which limit refuses a request that comes `after` seconds from the last; '' for none."""
        self.elapsed += after
        reply = self.limits.admit({"apikey": key, "function": "F"}, self.now)
        words = {"sparingly": "burst", "Burst": "burst", "Minute": "minute", "detected your": "day"}
        return next((limit for word, limit in words.items() if reply and word.encode() in reply.body), "")


def test_without_a_plan_nothing_is_refused_and_all_is_counted() -> None:
    world = World(NO_PLAN)
    assert [world.ask(0.001) for _ in range(200)] == [""] * 200
    state = world.limits.state(NOON)
    assert state["all"]["sent"] == state["all"]["highest"]["second"] == 200
    assert state["functions"] == {"F": 200}


def test_the_free_plan_has_one_a_second() -> None:
    world = World(PLANS["free"])
    assert [world.ask(after) for after in (0, 0.999, 0.0005, 0.0005, 1.0)] == ["", "burst", "burst", "", ""]


def test_the_free_plan_has_25_a_day_in_new_york() -> None:
    world = World(PLANS["free"])
    world.now = EVENING
    assert [world.ask(2) for _ in range(27)] == [""] * 25 + ["day"] * 2
    world.now += timedelta(seconds=1)
    assert world.ask(2) == ""


@pytest.mark.parametrize(("name", "per_second"), [("75", 5), ("150", 5), ("300", 10), ("600", 20), ("1200", 30)])
def test_a_premium_plan_has_its_number_a_minute_and_a_burst(name: str, per_second: int) -> None:
    world = World(PLANS[name])
    assert [world.ask() for _ in range(per_second + 1)] == [""] * per_second + ["burst"]
    world.elapsed += 60
    pace = 1.01 / per_second
    assert [world.ask(pace) for _ in range(int(name))] == [""] * int(name)
    assert world.ask(pace) == "minute"
    world.elapsed += 60
    assert world.ask() == ""


def test_a_window_slides() -> None:
    """No 10 a second by 5 at the end of one second and 5 at the beginning of the next."""
    world = World(PLANS["75"])
    assert [world.ask() for _ in range(5)] == [""] * 5
    assert [world.ask(0.5) for _ in range(3)] == ["burst", "", ""]


def test_each_key_has_limits_of_its_own_and_the_counts_show_no_key() -> None:
    world = World(PLANS["free"])
    assert [world.ask(key=key) for key in ("one", "two", "one")] == ["", "", "burst"]
    state = world.limits.state(NOON)
    assert state["all"]["sent"] == 3
    assert state["keys"][fingerprint("one")]["refused"] == {"second": 1, "minute": 0, "day": 0}
    assert set(state["keys"]) == {fingerprint("one"), fingerprint("two")}
    assert "one" not in str(set(state["keys"]))


def test_the_highest_count_of_any_window_is_kept_until_the_reset() -> None:
    world = World(NO_PLAN)
    for after in (0, 0.4, 0.4, 30, 30, 0.1, 0.1, 0.1, 100):
        world.ask(after)
    tally = world.limits.state(NOON)["all"]
    assert tally["highest"] == {"second": 4, "minute": 5, "day": 9}
    assert tally["newest"] == {"second": 1, "minute": 1, "day": 9}
    world.limits.reset()
    assert world.limits.state(NOON)["all"]["highest"] == {"second": 0, "minute": 0, "day": 0}
