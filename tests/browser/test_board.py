"""The board beside what the API says."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from tests.browser.views import is_live
from tests.support.system import System, call

ROWS = ".board tbody tr:not(.spacer)"
# All cells of a row at one moment.
_CELLS = """() => Object.fromEntries([...document.querySelectorAll(".board tbody tr:not(.spacer)")].map((row) => [
  row.querySelector("th").innerText,
  Object.fromEntries([...row.querySelectorAll("td")].map((cell) => [[...cell.classList].at(-1), cell.innerText])),
]))"""


def has_rows(page: Page) -> None:
    expect(page.locator(ROWS).nth(4)).to_be_visible()


def cells(page: Page) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = page.evaluate(_CELLS)
    return found


def number(text: str) -> float:
    return float(re.sub(r"[^0-9.−-]", "", text).replace("−", "-"))


def new_york_day(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(ZoneInfo("America/New_York")).date().isoformat()


def tick_of(system: System, symbol: str, seq: int) -> dict[str, Any]:
    path = f"/api/v1/ticks/{symbol}?from_seq={seq}&to_seq={seq}"
    status, found = call(f"{system.url('api')}{path}")
    assert status == 200, found
    [tick] = found["ticks"]
    return dict(tick)


def test_each_symbol_s_row_is_a_tick_that_the_api_knows(page: Page, system: System) -> None:
    page.goto("/")
    is_live(page)
    has_rows(page)
    shown = cells(page)
    for symbol, row in shown.items():
        tick = tick_of(system, symbol, int(number(row["seq"])))
        assert number(row["last"]) == round(tick["price"], 2)
        assert number(row["size"]) == tick["size"]
        assert row["bar"] == new_york_day(tick["bar_time"])
    _, told = call(f"{system.url('api')}/api/v1/quotes")
    assert sorted(shown) == sorted(quote["symbol"] for quote in told["quotes"])
    for quote in told["quotes"]:  # of the same bar the close before is the same; the first bar has none
        row = shown[quote["symbol"]]
        if row["bar"] == new_york_day(quote["bar_time"]) and quote["previous_close"] and row["change"] != "–":
            before = number(row["last"]) - number(row["change"])
            assert abs(before - quote["previous_close"]) < 0.02


def test_the_numbers_go_on_without_a_hand(page: Page) -> None:
    page.goto("/")
    is_live(page)
    has_rows(page)
    before = {symbol: number(row["seq"]) for symbol, row in cells(page).items()}
    page.wait_for_function(
        f"""(before) => Object.entries(({_CELLS})())
          .every(([symbol, row]) => Number(row.seq.replaceAll(",", "")) >= before[symbol] + 20)""",
        arg=before,
    )


def test_the_tiles_have_measured_figures(page: Page) -> None:
    page.goto("/")
    is_live(page)
    tiles = page.locator(".tiles > div")
    expect(tiles.filter(has_text="ticks a second").locator("dd")).to_have_text(re.compile(r"^\d"))
    expect(tiles.filter(has_text="made → shown").locator("dd")).to_have_text(re.compile(r"^[\d.,]+ ms$"))
    expect(tiles.filter(has_text="lost or repeated").locator("dd")).to_have_text("0")
    expect(tiles.filter(has_text="bar being played").locator("dd")).to_have_text(re.compile(r"^\d{4}-\d{2}-\d{2}$"))
    expect(page.locator(".strip li[data-health=ok]")).to_have_count(8)


def test_a_symbol_s_last_minute_is_drawn(page: Page) -> None:
    drawn = """() => [...document.querySelectorAll(".board .spark canvas")].map((canvas) => {
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      return copy.getImageData(0, 0, canvas.width, canvas.height).data.some((value, at) => at % 4 === 3 && value > 200);
    })"""
    page.goto("/")
    page.wait_for_function(f"() => {{ const all = ({drawn})(); return all.length >= 5 && all.every(Boolean); }}")
