"""The candles of a live chart, out of ticks and finished bars as they come: the module alone, in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from pipeline.domain.times import from_ms, rfc3339
from tests.support.servers import ROOT

SCRIPTS = ROOT / "webui" / "dashboard" / "static" / "dashboard"
T0 = 1_795_658_400  # a whole minute, seconds since 1970
SESSION, LATER = "2026-11-26T01:00:00.000Z", "2026-11-26T02:01:00.000Z"
# Gives the steps, [method, argument] each, to a fresh LiveCandles; returns what each returned, and the candles after it.
_RUN = """async ([interval, steps]) => {
  const { LiveCandles } = await import("/views/symbol/live_candles.js");
  const candles = new LiveCandles(interval);
  return steps.map(([name, given]) => [candles[name](given), candles.candles()]);
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of nothing but our scripts."""

    def serve(route: Route) -> None:
        path = SCRIPTS / route.request.url.removeprefix("http://scripts.test/")
        body = path.read_text() if path.is_file() else ""
        route.fulfill(body=body, content_type="text/javascript" if body else "text/html")

    context = browser.new_context()
    context.route("http://scripts.test/**", serve)
    page = context.new_page()
    page.goto("http://scripts.test/empty")
    yield page
    context.close()


def tick(seq: int, ms: int, price: float, bar: str = "A", session: str = SESSION) -> dict[str, Any]:
    moment = rfc3339(from_ms(T0 * 1000 + ms))
    return {"seq": seq, "session": session, "price": price, "size": 10, "bar_time": bar, "event_time": moment}


def bar(
    start: int, seqs: tuple[int, int], prices: tuple[float, float, float, float], source: str = "A"
) -> dict[str, Any]:
    first, last = seqs
    return dict(zip(("open", "high", "low", "close"), prices, strict=True)) | {
        "start": rfc3339(from_ms((T0 + start) * 1000)), "session": SESSION, "bar_time": source,
        "volume": 10 * (last - first + 1), "first_seq": first, "last_seq": last,
    }  # fmt: skip


def run(page: Page, interval: str, *steps: tuple[str, Any]) -> list[Any]:
    found = page.evaluate(_RUN, [interval, [list(step) for step in steps]])
    return list(found)


def prices(candle: dict[str, Any]) -> tuple[float, ...]:
    return tuple(candle[name] for name in ("open", "high", "low", "close"))


def test_a_candle_grows_by_the_tick_until_its_finished_bar_replaces_it(page: Page) -> None:
    grown, finished = run(
        page, "1s", ("addTick", tick(1, 0, 5)), ("addTick", tick(2, 100, 7)), ("addTick", tick(3, 900, 4)),
        ("addBar", bar(0, (1, 3), (5, 8, 4, 4))),
    )[2:]  # fmt: skip
    [candle] = grown[1]
    assert (prices(candle), candle["volume"], candle["forming"], candle["exact"]) == ((5, 7, 4, 4), 30, True, True)
    [candle] = finished[1]
    assert (prices(candle), candle["volume"], candle["forming"]) == ((5, 8, 4, 4), 30, False)


def test_a_tick_that_came_before_or_is_in_a_finished_bar_changes_nothing(page: Page) -> None:
    steps = run(
        page, "1s", ("addTick", tick(1, 0, 5)), ("addTick", tick(1, 0, 9)), ("addBar", bar(0, (1, 9), (5, 6, 5, 6))),
        ("addTick", tick(9, 950, 99)), ("addTick", tick(10, 1000, 7)),
    )  # fmt: skip
    assert [changed for changed, _ in steps if isinstance(changed, list)] == [[T0], [], [], [T0 + 1]]
    assert [prices(candle) for candle in steps[-1][1]] == [(5, 6, 5, 6), (7, 7, 7, 7)]


def test_a_candle_whose_ticks_were_not_all_seen_says_so(page: Page) -> None:
    (_, [first]), (_, [second]) = run(page, "1s", ("addTick", tick(1, 0, 5)), ("addTick", tick(4, 300, 6)))
    assert (first["exact"], second["exact"]) == (True, False)


def test_a_late_tick_joins_the_window_that_its_symbol_is_in(page: Page) -> None:
    *_, (changed, candles) = run(page, "1s", ("addTick", tick(1, 1000, 5)), ("addTick", tick(2, 900, 6)))
    assert changed == [T0 + 1]
    assert [prices(candle) for candle in candles] == [(5, 6, 5, 6)]


def test_a_window_in_which_a_stored_bar_ends_is_one_candle(page: Page) -> None:
    *_, (_, candles) = run(
        page, "1s", ("addBar", bar(0, (1, 4), (5, 6, 5, 6))), ("addTick", tick(5, 500, 9, "B")),
        ("addTick", tick(6, 600, 8, "B")),
    )  # fmt: skip
    [candle] = candles
    assert (prices(candle), candle["volume"], candle["forming"], candle["bar"]) == ((5, 9, 5, 8), 60, True, "B")


def test_a_number_that_does_not_follow_is_a_hole(page: Page) -> None:
    (first, _), (second, _), (third, _) = run(
        page, "1s", ("addBar", bar(0, (1, 4), (5, 6, 5, 6))), ("addBar", bar(1, (5, 9), (6, 6, 6, 6))),
        ("addBar", bar(3, (20, 29), (6, 6, 6, 6))),
    )  # fmt: skip
    assert [found["hole"] for found in (first, second, third)] == [False, False, True]


def test_a_minute_is_made_of_finished_seconds_and_of_the_ticks_after_them(page: Page) -> None:
    steps = run(
        page, "1min", ("load", [bar(-60, (1, 5), (1, 2, 1, 2))]), ("addSecond", bar(0, (6, 8), (2, 3, 2, 3))),
        ("addTick", tick(9, 1100, 4)), ("addTick", tick(11, 1200, 1)),
        ("addSecond", bar(1, (9, 11), (4, 4, 0.5, 1))), ("addSecond", bar(1, (9, 11), (4, 4, 0.5, 1))),
        ("addBar", bar(0, (6, 20), (2, 5, 0.5, 5))),
    )  # fmt: skip
    grown, whole, again, finished = (candles[-1] for _, candles in steps[3:])
    assert (prices(grown), grown["exact"]) == ((2, 4, 1, 1), False)
    assert (prices(whole), whole["volume"], whole["exact"]) == ((2, 4, 0.5, 1), 60, True)
    assert again == whole
    assert (prices(finished), finished["forming"]) == ((2, 5, 0.5, 5), False)


def test_another_session_goes_on_and_what_is_left_of_the_one_before_changes_nothing(page: Page) -> None:
    *_, (opened, _), (left, candles) = run(
        page, "1s", ("addTick", tick(7, 0, 5)), ("addTick", tick(1, 1000, 9, session=LATER)),
        ("addTick", tick(8, 1100, 5)),
    )  # fmt: skip
    assert (opened, left) == ([T0 + 1], [])
    assert [prices(candle) for candle in candles] == [(5, 5, 5, 5), (9, 9, 9, 9)]
