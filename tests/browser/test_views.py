"""Every view opens by its link and by its address, and the browser's own buttons work."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, STAFF
from tests.browser.views import ACTIVITY, BOARD, DESK, SYMBOL, VIEWS, WAY, View, is_filled, is_live, is_open

LINKED = [view for view in VIEWS if view.link]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_each_view_opens_by_its_address(page: Page, view: View) -> None:
    page.goto(view.path)
    is_open(page, view)
    is_filled(page, view)
    is_live(page)


def test_each_view_opens_by_its_link_and_the_page_is_not_loaded_again(page: Page) -> None:
    page.goto("/")
    page.evaluate("window.stayed = true")
    for view in [*LINKED, BOARD]:
        page.get_by_role("navigation", name="Views").get_by_role("link", name=view.link, exact=True).click()
        is_open(page, view)
        is_filled(page, view)
    page.get_by_role("link", name=SYMBOL.heading, exact=True).click()
    is_open(page, SYMBOL)
    is_filled(page, SYMBOL)
    assert page.evaluate("window.stayed") is True


def test_back_and_forward_go_through_the_views(page: Page) -> None:
    page.goto(BOARD.path)
    for view in (WAY, ACTIVITY):
        page.get_by_role("link", name=view.link, exact=True).click()
        is_open(page, view)
    page.go_back()
    is_open(page, WAY)
    page.go_back()
    is_open(page, BOARD)
    page.go_forward()
    is_open(page, WAY)
    is_filled(page, WAY)


def test_the_title_names_the_view(page: Page) -> None:
    for view, title in ((BOARD, "Tickerline"), (WAY, "The way · Tickerline"), (SYMBOL, "AAPL · Tickerline")):
        page.goto(view.path)
        expect(page).to_have_title(title)


def test_who_signs_in_comes_back_to_the_desk(troubled_page: Page) -> None:
    """The admin's sign-in is another application's page: its console is its own."""
    page = troubled_page
    page.goto(DESK.path)
    page.locator("#view").get_by_role("link", name="Sign in").click()
    page.get_by_label("Username").fill(STAFF)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    is_open(page, DESK)
    expect(page.locator(".desk .title")).to_contain_text(f"Signed in as {STAFF}")


def test_a_symbol_that_is_none_is_named_with_the_rule(page: Page) -> None:
    page.goto("/symbols/not a symbol")
    expect(page.locator("#view")).to_contain_text("is no symbol")
    expect(page.locator("#view")).to_contain_text("1 to 20 characters")
