"""The wall of lights, by its pixels."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.complaints import Complaints
from tests.support.chromium import opened
from tests.support.made_up import MadeUp
from tests.support.system import System, call
from tests.support.web import Web

# Copied, so that reading it does not change how the page's own canvas is drawn. Returns how many pixels have each colour of the
# lights, and a sum over all pixels that tells two pictures apart.
_LOOK = """(at) => {
  const seen = document.querySelectorAll("#wall canvas")[at];
  const copy = new OffscreenCanvas(seen.width, seen.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(seen, 0, 0);
  const { data } = copy.getImageData(0, 0, seen.width, seen.height);
  const lights = { amber: [255, 176, 0], green: [46, 229, 127], red: [255, 90, 79] };
  const found = { amber: 0, green: 0, red: 0, sum: 0, width: seen.width };
  for (let i = 0; i < data.length; i += 4) {
    found.sum = (found.sum * 31 + data[i] + 7 * data[i + 1] + 13 * data[i + 2]) % 2147483647;
    for (const [name, [r, g, b]] of Object.entries(lights)) {
      if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 60) found[name] += 1;
    }
  }
  return found;
}"""
_LIT = f"(at) => {{ const {{ amber, green, red }} = ({_LOOK})(at); return amber > 100 && green > 100 && red > 100; }}"
_MOVED = f"([at, before]) => ({_LOOK})(at).sum !== before"
_TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def look(page: Page, tape: int = 0) -> dict[str, int]:
    found: dict[str, int] = page.evaluate(_LOOK, tape)
    return found


@pytest.fixture(scope="module")
def made_up(browser: Browser, web: Web) -> Iterator[MadeUp]:
    """Half of the symbols rise, half fall."""
    made = MadeUp(web.live, 40)
    for number, symbol in enumerate(made.symbols):
        close = made.rows[symbol]["previous_close"]
        made.move([symbol], by=(close - made.rows[symbol]["price"]) + (0.02 if number % 2 else -0.02) * close)
    with made.playing(2, standing=True):
        yield made


def test_its_lights_are_amber_green_and_red_and_move_from_frame_to_frame(
    browser: Browser, web: Web, made_up: MadeUp
) -> None:
    with opened(browser, web.url) as page:
        page.goto("/kiosk")
        page.wait_for_function(_LIT, arg=0)
        sums = set()
        for _ in range(10):
            sums.add(look(page)["sum"])
            page.evaluate(_TWO_FRAMES)
        assert len(sums) > 5


def test_with_reduced_motion_it_stands_still_and_turns_its_page(browser: Browser, web: Web, made_up: MadeUp) -> None:
    with opened(browser, web.url, reduced_motion="reduce") as page:
        page.goto("/kiosk")
        page.wait_for_function(_LIT, arg=0)
        turned = look(page)["sum"]
        page.wait_for_function(_MOVED, arg=[0, turned])  # so that the next turn is five seconds away
        still = look(page)["sum"]
        for _ in range(20):
            page.evaluate(_TWO_FRAMES)
            assert look(page)["sum"] == still
        page.wait_for_function(_MOVED, arg=[0, still])


def test_the_kiosk_is_the_wall_alone_over_the_whole_screen(browser: Browser, web: Web, made_up: MadeUp) -> None:
    with opened(browser, web.url) as page:
        complaints = Complaints(page)
        page.goto("/kiosk")
        expect(page.locator("#wall canvas")).not_to_have_count(1)
        expect(page.locator("nav, main, h1")).to_have_count(0)
        for tape in range(page.locator("#wall canvas").count()):
            page.wait_for_function(_LIT, arg=tape)
        heights = "[document.documentElement.scrollHeight, innerHeight, document.getElementById('wall').clientHeight]"
        whole, screen, wall = page.evaluate(heights)
        assert whole == screen
        assert wall > 0.9 * screen
        expect(page.locator("#status")).to_contain_text("simulated ticks")
        assert complaints.found == []


def test_f_goes_to_full_screen_and_back_but_not_while_somebody_types(page: Page) -> None:
    full = "document.fullscreenElement?.id === 'wall'"
    page.goto("/")
    page.keyboard.press("f")
    page.wait_for_function(full)
    expect(page.locator("#wall canvas")).not_to_have_count(1)
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement === null")
    expect(page.locator("#wall canvas")).to_have_count(1)
    page.get_by_role("searchbox", name="Search symbols").press_sequentially("f")
    page.evaluate(_TWO_FRAMES)
    assert page.evaluate("document.fullscreenElement") is None
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function(full)


def test_its_words_name_each_symbol_with_its_price(page: Page, system: System) -> None:
    _, told = call(f"{system.url('api')}/api/v1/quotes")
    page.goto("/")
    wall = page.get_by_role("region", name="Ticker")
    expect(wall.locator("canvas")).to_have_attribute("aria-hidden", "true")
    lines = wall.get_by_role("listitem")
    expect(lines).to_have_count(len(told["quotes"]))
    for line, quote in zip(lines.all_inner_texts(), told["quotes"], strict=True):
        symbol, price, *_ = line.split()
        assert symbol == quote["symbol"]
        assert float(price.strip(",").replace(",", "")) == pytest.approx(quote["price"], rel=0.2)
