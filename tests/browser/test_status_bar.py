"""The line at the bottom, and what the page says while a part of the system is gone."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_board import ROWS, has_rows, new_york_day, number
from tests.browser.views import is_live
from tests.support.outages import killed
from tests.support.servers import wait_until
from tests.support.system import System, call

PATIENCE_MS = 30_000


def figure(page: Page, name: str) -> str:
    return page.locator(f"#status [data-show={name}]").inner_text()


def test_the_latency_is_measured_by_the_server_s_clock(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#status [data-show=latency]")).to_have_text(re.compile(r"^[\d,]+ ms$"))
    assert 0 < number(figure(page, "latency")) < 3000
    hint = page.locator("#status [data-show=latency]").locator("..").get_attribute("title")
    assert "Clocks differ by" in str(hint)


def test_a_screen_whose_clock_is_wrong_measures_the_same_latency(page: Page) -> None:
    """Its clock is an hour late."""
    page.add_init_script("const now = Date.now.bind(Date); Date.now = () => now() - 3_600_000;")
    page.goto("/")
    expect(page.locator("#status [data-show=latency]")).to_have_text(re.compile(r"^[\d,]+ ms$"))
    page.wait_for_timeout(2000)
    assert 0 < number(figure(page, "latency")) < 3000


def test_it_says_that_ticks_are_simulated_and_which_days_are_played(page: Page, system: System) -> None:
    page.goto("/")
    is_live(page)
    expect(page.locator("#status [data-show=source]")).to_have_text("simulated ticks inside the simulator's bars")
    expect(page.locator("#status [data-show=dates]")).to_have_text(re.compile(r"^\d{4}-\d{2}-\d{2}"))
    _, told = call(f"{system.url('api')}/api/v1/quotes")
    days = sorted({new_york_day(quote["bar_time"]) for quote in told["quotes"]})
    assert figure(page, "dates").split(" … ")[0][:7] == days[0][:7]
    assert figure(page, "skipped") == "0"
    expect(page.locator("#status [data-show=quota]")).to_have_text(re.compile(r"^\d.* (left|used)$"))


def test_the_chosen_theme_is_kept_when_the_page_is_loaded_again(page: Page) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    page.goto("/")
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Light theme").click()
    page.reload()
    expect(page.get_by_role("button", name="Dark theme")).to_be_visible()
    assert page.evaluate(ground) != dark
    page.goto("/way")
    assert page.evaluate(ground) != dark
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate(ground) == dark


def test_without_a_choice_the_theme_is_the_system_s(page: Page) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    page.goto("/")
    dark = page.evaluate(ground)
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) != dark


@pytest.mark.parametrize(
    ("gone", "words"),
    [("dashboard", "reconnecting"), ("redis", "no frame for"), ("monitor-1", "no frame for")],
)
def test_the_page_says_that_it_is_not_live_when_a_part_is_killed_and_heals_by_itself(
    troubled_page: Page, system: System, gone: str, words: str
) -> None:
    page = troubled_page
    page.goto("/")
    is_live(page)
    has_rows(page)
    page.evaluate("window.stayed = true")
    with killed(system, gone):
        expect(page.locator("#notice")).to_contain_text("What you see is not live", timeout=PATIENCE_MS)
        expect(page.locator("#notice")).to_contain_text(words)
        expect(page.locator("#status [data-show=connection]")).to_contain_text(words)
        expect(page.locator("#status [data-show=latency]")).to_have_text("–")
        expect(page.locator(ROWS + ":not(.old)")).to_have_count(0)
        has_rows(page)  # what was known last stays
    start = time.monotonic()
    is_live(page, 60)
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator(ROWS + ".old")).to_have_count(0, timeout=PATIENCE_MS)
    print(f"\n{gone} was killed: the page was live again {time.monotonic() - start:.1f} s after it came back")
    assert page.evaluate("window.stayed") is True
    wait_until(system.flows, "all is well again", 90)
