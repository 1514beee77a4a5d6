"""The wall of lights, by its pixels."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.complaints import Complaints
from tests.support.chromium import opened
from tests.support.made_up import MadeUp
from tests.support.system import System, call
from tests.support.web import Web

# Copied, so that reading it does not change how the page's own canvas is drawn. Of each third pixel of each third line: how many
# have the colour of each light, how many of them are in the left half, and a sum that tells two pictures apart.
_LOOK = """(at) => {
  const seen = document.querySelectorAll("#wall canvas")[at];
  const copy = new OffscreenCanvas(seen.width, seen.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(seen, 0, 0);
  const { data } = copy.getImageData(0, 0, seen.width, seen.height);
  const lights = { amber: [255, 176, 0], green: [46, 229, 127], red: [255, 90, 79] };
  const found = { amber: 0, green: 0, red: 0, left: 0, sum: 0 };
  for (let y = 0; y < seen.height; y += 3) {
    for (let x = 0; x < seen.width; x += 3) {
      const i = 4 * (y * seen.width + x);
      found.sum = (found.sum * 31 + data[i] + 7 * data[i + 1] + 13 * data[i + 2]) % 2147483647;
      if (data[i] < 100 && data[i + 1] < 100) continue;
      for (const [name, [r, g, b]] of Object.entries(lights)) {
        if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 60) {
          found[name] += 1;
          if (x < seen.width / 2) found.left += 1;
        }
      }
    }
  }
  return found;
}"""
_LIT = f"(at) => {{ const {{ amber, green, red }} = ({_LOOK})(at); return amber > 50 && green + red > 50; }}"
_MOVED = f"([at, before]) => ({_LOOK})(at).sum !== before"
_POLL_MS = 400
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
        page.goto("/")
        page.wait_for_function(_LIT, arg=0, polling=_POLL_MS)
        sums = set()
        for _ in range(10):
            sums.add(look(page)["sum"])
            page.evaluate(_TWO_FRAMES)
        assert len(sums) > 5
        lit: set[str] = set()
        for _ in range(100):  # until what rises and what falls has passed
            found = look(page)
            lit |= {color for color in ("amber", "green", "red") if found[color] > 50}
            if len(lit) == 3:
                break
            page.wait_for_timeout(200)
        assert lit == {"amber", "green", "red"}


def test_the_first_symbols_stand_on_it_at_once(browser: Browser, web: Web, made_up: MadeUp) -> None:
    """They do not have to cross the screen: also where the page came before the first tick."""
    with opened(browser, web.url) as page:
        empty = (
            '{"type": "snapshot", "epoch": "e", "seq": 0, "resumed": false, "why": "first", "ticks": [], "stages": []}'
        )
        tick = made_up.rows[made_up.symbols[0]]
        sockets: list[WebSocketRoute] = []

        def begin(socket: WebSocketRoute) -> None:
            socket.send(empty)
            sockets.append(socket)

        page.route_web_socket(re.compile("/ws/live"), begin)
        page.goto("/kiosk")
        page.wait_for_function(f"() => ({_LOOK})(0).amber === 0")
        frame = {"type": "ticks", "epoch": "e", "seq": 1, "prev": 0, "ticks": [tick]}
        sockets[0].send(json.dumps(frame))
        page.wait_for_function(f"() => ({_LOOK})(0).amber > 0")
        assert look(page)["left"] > 0


def test_with_reduced_motion_it_stands_still_and_turns_its_page(browser: Browser, web: Web, made_up: MadeUp) -> None:
    with opened(browser, web.url, reduced_motion="reduce") as page:
        page.goto("/kiosk")
        page.wait_for_function(_LIT, arg=0, polling=_POLL_MS)
        turned = look(page)["sum"]
        page.wait_for_function(_MOVED, arg=[0, turned], polling=_POLL_MS)  # so that the next turn is five seconds away
        still = look(page)["sum"]
        for _ in range(20):
            page.evaluate(_TWO_FRAMES)
            assert look(page)["sum"] == still
        page.wait_for_function(_MOVED, arg=[0, still], polling=_POLL_MS)


def test_the_kiosk_is_the_wall_alone_over_the_whole_screen(browser: Browser, web: Web, made_up: MadeUp) -> None:
    with opened(browser, web.url) as page:
        complaints = Complaints(page)
        page.goto("/kiosk")
        expect(page.locator("#wall canvas")).not_to_have_count(1)
        expect(page.locator("nav, #view")).to_have_count(0)
        for tape in range(page.locator("#wall canvas").count()):
            page.wait_for_function(_LIT, arg=tape, polling=_POLL_MS)
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
    quotes = sorted(told["quotes"], key=lambda quote: str(quote["symbol"]))
    for line, quote in zip(lines.all_inner_texts(), quotes, strict=True):
        symbol, price, *_ = line.split()
        assert symbol == quote["symbol"]
        assert float(price.strip(",").replace(",", "")) == pytest.approx(quote["price"], rel=0.2)
