"""The board with a thousand made-up symbols: what is drawn, its order, and what it says of a symbol that stops."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import opened
from tests.support.made_up import MadeUp
from tests.support.web import Web

COUNT = 1000
ROWS = ".board tbody tr:not(.spacer)"
Key = Callable[[dict[str, Any]], Any]
# As the board's heads name them. What is equal is in the order of the symbols, whichever way it is sorted.
SORTED: dict[str, Key] = {
    "Last": lambda row: row["price"],
    "Change": lambda row: row["change"],
    "Change %": lambda row: row["change_percent"],
    "Volume": lambda row: row["bar_volume"],
    "Size": lambda row: row["size"],
    "Tick no.": lambda row: row["seq"],
}


@pytest.fixture(scope="module")
def made_up(browser: Browser, web: Web) -> MadeUp:
    return MadeUp(web.live, COUNT)


@pytest.fixture
def page(browser: Browser, web: Web, made_up: MadeUp) -> Iterator[Page]:
    """All symbols have ticked, and stand."""
    with opened(browser, web.url) as page:
        page.goto("/")
        shown = page.get_by_text(f"{COUNT} symbols", exact=True)
        for _ in range(100):  # the server listens a moment after its first page came
            made_up.publish(list(made_up.rows.values()))
            page.wait_for_timeout(100)
            if shown.is_visible():
                break
        expect(shown).to_be_visible()
        yield page


def symbols(page: Page) -> list[str]:
    found: list[str] = page.locator(f"{ROWS} th").all_inner_texts()
    return found


def ordered(made_up: MadeUp, key: Key, down: bool) -> list[str]:
    rows = sorted(made_up.rows.values(), key=lambda row: row["symbol"])
    return [row["symbol"] for row in sorted(rows, key=key, reverse=down)]


def shows(page: Page, wanted: list[str]) -> None:
    """The first rows are these."""
    first = wanted[:10]
    expect(page.locator(f"{ROWS} th").first).to_have_text(first[0])
    page.wait_for_function(
        f"(first) => first.every((name, at) => document.querySelectorAll('{ROWS} th')[at]?.innerText === name)",
        arg=first,
    )


def test_only_the_rows_that_are_seen_are_in_the_page(page: Page, made_up: MadeUp) -> None:
    expect(page.get_by_role("table", name="Last prices")).to_have_attribute("aria-rowcount", str(COUNT + 1))
    assert symbols(page)[0] == made_up.symbols[0]
    assert len(symbols(page)) < 60
    page.get_by_role("region", name="Last prices").evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
    expect(page.locator(f"{ROWS} th").last).to_have_text(made_up.symbols[-1])
    assert made_up.symbols[0] not in symbols(page)
    assert len(symbols(page)) < 60


@pytest.mark.parametrize("column", SORTED)
def test_a_column_s_head_sorts_by_it_the_largest_first_and_then_the_smallest(
    page: Page, made_up: MadeUp, column: str
) -> None:
    head = page.get_by_role("columnheader", name=column, exact=True)
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    shows(page, ordered(made_up, SORTED[column], down=True))
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    shows(page, ordered(made_up, SORTED[column], down=False))


def test_the_symbols_sort_from_a_to_z_and_back(page: Page, made_up: MadeUp) -> None:
    shows(page, made_up.symbols)
    page.get_by_role("button", name="Symbol", exact=True).click()
    shows(page, made_up.symbols[::-1])


def test_the_filters_leave_what_rises_and_what_falls(page: Page, made_up: MadeUp) -> None:
    rising = [row["symbol"] for row in made_up.rows.values() if row["change"] >= 0.005]
    falling = [row["symbol"] for row in made_up.rows.values() if row["change"] <= -0.005]
    for name, left in (("▲ Rising", rising), ("▼ Falling", falling)):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_text(f"{len(left)} of {COUNT} symbols")).to_be_visible()
        shows(page, left)


def test_a_slash_goes_to_the_search_which_leaves_what_has_its_letters(page: Page, made_up: MadeUp) -> None:
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search symbols")).to_be_focused()
    page.keyboard.type("z012")
    expect(page.get_by_text(f"10 of {COUNT} symbols")).to_be_visible()
    assert symbols(page) == [f"Z012{digit}" for digit in range(10)]


def test_a_price_that_moves_flashes_in_the_colour_of_its_way(page: Page, made_up: MadeUp) -> None:
    flashes = """() => [...document.querySelectorAll("td.last[data-flash]")].map((cell) => [
      cell.closest("tr").querySelector("th").innerText, getComputedStyle(cell).backgroundColor,
    ])"""
    colors = []
    for by in (0.5, -0.5):
        made_up.publish(made_up.move(["Z0003"], by))
        found = page.wait_for_function(
            f"() => {{ const all = ({flashes})(); return all.length > 0 && all; }}"
        ).json_value()
        assert [symbol for symbol, _ in found] == ["Z0003"]
        colors.append(found[0][1])
        page.wait_for_function(f"() => ({flashes})().length === 0")
        page.wait_for_timeout(500)  # no more than two a second
    assert len({*colors, "rgba(0, 0, 0, 0)"}) == 3


def test_a_symbol_that_stops_is_dimmed_and_told_by_the_filter(page: Page, made_up: MadeUp) -> None:
    others = [symbol for symbol in made_up.symbols if symbol != "Z0001"]
    row = page.locator(ROWS).filter(has=page.get_by_role("link", name="Z0001"))
    made_up.publish(made_up.stand(["Z0001"]))
    page.get_by_role("button", name="Not ticking").click()
    for _ in range(20):
        made_up.publish(made_up.stand(others))
        page.wait_for_timeout(250)
        if page.get_by_text(f"1 of {COUNT} symbols").is_visible():
            break
    assert symbols(page) == ["Z0001"]
    page.get_by_role("button", name="All", exact=True).click()
    assert "old" in (row.get_attribute("class") or "").split()
    made_up.publish(made_up.stand(["Z0001"]))
    page.wait_for_function(f"() => !document.querySelectorAll('{ROWS}')[1].classList.contains('old')")
