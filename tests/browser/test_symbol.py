"""One symbol: its candles, its stored days, its ticks, and where one comes from."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.test_board import number, tick_of
from tests.browser.views import SYMBOL, is_filled, is_live
from tests.support.system import System, call

# How many pixels of the chart are of a colour that is neither the ground nor grey.
_COLOURED = """() => [...document.querySelectorAll(".symbol .plot canvas")].reduce((sum, canvas) => {
  if (canvas.width === 0 || canvas.height === 0) return sum;
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < data.length; i += 4) {
    const [red, green, blue, there] = data.subarray(i, i + 4);
    if (there > 60 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) sum += 1;
  }
  return sum;
}, 0)"""
_PICTURES = '() => [...document.querySelectorAll(".symbol .plot canvas")].map((one) => one.toDataURL()).join()'


def opened(page: Page) -> None:
    page.goto(SYMBOL.path)
    is_live(page)
    is_filled(page, SYMBOL)


def api(system: System, path: str) -> Any:
    status, found = call(f"{system.url('api')}/api/v1{path}")
    assert status == 200, found
    return found


def test_its_candles_are_drawn_for_each_kind_of_bar(page: Page) -> None:
    opened(page)
    kinds = page.get_by_role("group", name="Bars")
    for name in ("Day", "1 s"):
        kinds.get_by_role("button", name=name, exact=True).click()
        expect(kinds.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "true")
        page.wait_for_function(f"() => ({_COLOURED})() > 500")


def test_a_range_shows_more_or_fewer_of_them(page: Page) -> None:
    opened(page)
    page.get_by_role("group", name="Bars").get_by_role("button", name="Day", exact=True).click()
    page.wait_for_function(f"() => ({_COLOURED})() > 500")
    pictures = set()
    for name in ("1 M", "3 M", "All"):
        button = page.get_by_role("group", name="Range").get_by_role("button", name=name, exact=True)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        page.wait_for_timeout(300)  # the chart draws in the next frames
        pictures.add(page.evaluate(_PICTURES))
    assert len(pictures) == 3


def test_the_daily_bars_of_the_chart_are_the_stored_ones(page: Page, system: System) -> None:
    opened(page)
    page.get_by_role("group", name="Bars").get_by_role("button", name="Day", exact=True).click()
    page.get_by_text("The newest bars as a table").click()
    rows = page.get_by_role("region", name="Newest bars").locator("tbody tr")
    expect(rows.first).to_contain_text("-")
    stored = api(system, "/bars/AAPL?interval=daily&limit=5")["bars"][::-1]
    for row, bar in zip(rows.all()[:5], stored, strict=True):
        shown = [number(text) for text in row.locator("td").all_inner_texts()]
        assert row.locator("th").inner_text().startswith(bar["time"][:10])
        assert shown[:4] == [round(bar[name], 2) for name in ("open", "high", "low", "close")]
        assert shown[5] == bar["volume"]


def test_the_newest_live_candle_grows_by_the_tick(page: Page) -> None:
    opened(page)
    page.get_by_role("group", name="Bars").get_by_role("button", name="1 s", exact=True).click()
    expect(page.locator(".symbol .legend dd").first).to_have_text(re.compile(r"\d"))
    before = page.locator(".symbol .legend").inner_text()
    page.wait_for_function("(before) => document.querySelector('.symbol .legend').innerText !== before", arg=before)


def test_keys_read_the_candles_one_by_one(page: Page) -> None:
    opened(page)
    page.get_by_role("group", name="Bars").get_by_role("button", name="Day", exact=True).click()
    chart = page.get_by_role("group", name="Chart of AAPL").or_(page.locator(".symbol .plot")).first
    expect(chart).to_have_attribute("aria-label", re.compile("stored daily bars"))
    chart.focus()
    said = page.locator(".symbol .chart [role=status]").first
    page.keyboard.press("ArrowLeft")
    expect(said).to_have_text(re.compile(r"open [\d,.]+, high [\d,.]+, low [\d,.]+, close [\d,.]+"))
    newest = said.inner_text()
    page.keyboard.press("ArrowLeft")
    expect(said).not_to_have_text(newest)


def test_its_newest_ticks_are_those_of_the_api_and_one_is_traced_to_the_request_that_made_it(
    page: Page, system: System
) -> None:
    opened(page)
    expect(page.get_by_role("button", name="Trace").nth(20)).to_be_attached()
    page.get_by_role("button", name="Hold").click()
    row = page.locator(".symbol .ticks tbody tr").nth(20)
    _, price, size, told = row.locator("td").all_inner_texts()[:4]
    seq = int(number(told.split("+")[-1].split()[-1]))
    tick = tick_of(system, "AAPL", seq)
    assert (number(price), number(size)) == (round(tick["price"], 2), tick["size"])
    row.get_by_role("button", name="Trace").click()
    layer = page.get_by_role("dialog")
    for step in ("Alpha Vantage was asked", "The bar was stored in MongoDB", "bars.stored was published on SNS",
                 "A driver made its batch", "It was committed to Kafka"):  # fmt: skip
        expect(layer).to_contain_text(step)
    expect(layer.locator("pre")).to_contain_text(f'"seq":{seq}')
    page.keyboard.press("Escape")
    expect(layer).to_be_hidden()


def test_its_stored_days_are_counted_as_the_api_does(page: Page, system: System) -> None:
    opened(page)
    found = api(system, "/coverage/AAPL")
    expect(page.locator(".symbol .coverage .summary")).to_contain_text(f"{found['expected']:,} sessions")
    expect(page.locator(".symbol .coverage .days i[data-state=stored]").first).to_be_visible()


def test_arrows_lead_to_the_neighbours_of_the_watchlist(page: Page) -> None:
    opened(page)
    links = page.get_by_role("navigation", name="Other symbols of the watchlist")
    expect(links.get_by_role("link").last).to_have_attribute("href", re.compile("/symbols/"))
    next_one = str(links.get_by_role("link").last.get_attribute("href"))
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**{next_one}")
    is_filled(page, SYMBOL)


def test_a_symbol_that_nobody_has_fetched_is_fetched_here(page: Page, system: System) -> None:
    page.goto("/symbols/NFLX")
    expect(page.locator("#view")).to_contain_text("Nothing is known of NFLX")
    page.get_by_role("button", name="Fetch NFLX").click()
    expect(page.locator(".symbol .coverage .summary")).to_contain_text("sessions", timeout=60_000)
    assert api(system, "/bars/NFLX?limit=1")["bars"]
