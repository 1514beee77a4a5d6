"""Every view, dark and light, on a desk's screen and on a phone: axe finds nothing, nothing is cut off; a picture is kept."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser.views import ACTIVITY, DESK, SYMBOL, VIEWS, View, is_filled, is_live
from tests.support.chromium import DESKTOP, PHONE, Screen, Theme, opened
from tests.support.servers import ROOT

PICTURES = ROOT / "build" / "screenshots"
SCREENS = (DESKTOP, PHONE)
THEMES: tuple[Theme, ...] = ("dark", "light")
AXE = Axe()
every_look = pytest.mark.parametrize(
    ("screen", "theme"), [pytest.param(s, t, id=f"{t}-{s.name}") for s in SCREENS for t in THEMES]
)


@pytest.fixture
def page(browser: Browser, dashboard: str, screen: Screen, theme: Theme) -> Iterator[Page]:
    # axe and the taking of pictures add styles of their own to the page.
    with opened(browser, dashboard, screen, theme, bypass_csp=True) as page:
        yield page


def judged(page: Page, name: str, screen: Screen, theme: Theme) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}-{theme}-{screen.name}.png")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= screen.width, f"{wide} px wide on a screen of {screen.width}"
    found = AXE.run(page)
    assert found.violations_count == 0, found.generate_report()


@every_look
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_axe_finds_nothing_in_a_view_and_it_fits_its_screen(
    page: Page, view: View, screen: Screen, theme: Theme
) -> None:
    page.goto(view.path)
    is_live(page)
    is_filled(page, view)
    judged(page, view.name, screen, theme)


@every_look
def test_axe_finds_nothing_in_the_kiosk(page: Page, screen: Screen, theme: Theme) -> None:
    page.goto("/kiosk")
    is_live(page)
    judged(page, "kiosk", screen, theme)


@every_look
def test_axe_finds_nothing_while_nothing_comes(page: Page, screen: Screen, theme: Theme) -> None:
    page.route_web_socket(re.compile("/ws/live"), lambda socket: None)  # it opens, and is silent
    page.goto("/")
    expect(page.locator("#notice")).to_contain_text("What you see is not live")
    judged(page, "not-live", screen, theme)


@every_look
@pytest.mark.parametrize("view", [ACTIVITY, SYMBOL, DESK], ids=lambda view: view.name)
def test_axe_finds_nothing_where_the_api_answers_with_errors(
    page: Page, view: View, screen: Screen, theme: Theme
) -> None:
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "MongoDB is away"}
    page.route("**/api/v1/**", lambda route: route.fulfill(status=503, json=problem))
    page.goto(view.path)
    expect(page.locator("#view")).to_contain_text("MongoDB is away")
    judged(page, f"{view.name}-error", screen, theme)


@every_look
def test_axe_finds_nothing_at_an_operator_s_desk(
    browser: Browser, dashboard: str, signed_in: StorageState, screen: Screen, theme: Theme
) -> None:
    with opened(browser, dashboard, screen, theme, bypass_csp=True, storage_state=signed_in) as page:
        page.goto(DESK.path)
        is_live(page)
        is_filled(page, DESK)
        page.get_by_text("Start another session").click()
        judged(page, "desk-operator", screen, theme)
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        judged(page, "desk-question", screen, theme)


@every_look
def test_axe_finds_nothing_in_a_tick_s_trace(page: Page, screen: Screen, theme: Theme) -> None:
    page.goto(SYMBOL.path)
    is_live(page)
    expect(page.get_by_role("button", name="Trace").nth(20)).to_be_attached()
    page.get_by_role("button", name="Hold").click()
    page.get_by_role("button", name="Trace").nth(20).click()
    expect(page.get_by_role("dialog")).to_contain_text("Alpha Vantage was asked")
    judged(page, "trace", screen, theme)
