"""The page's views: how each is reached, and what shows that it has what it shows."""

from typing import NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

expect.set_options(timeout=30_000)  # ms; a shared machine is slow


class View(NamedTuple):
    """`link`: its text in the navigation, or "". `ready`: a selector that matches when its figures are there."""

    name: str
    path: str
    link: str
    heading: str
    ready: str


BOARD = View("board", "/", "Board", "Board", ".board tbody tr:not(.spacer)")
WAY = View("way", "/way", "The way", "The way of the data", ".stage[data-health=ok] dd")
ACTIVITY = View("activity", "/activity", "Activity", "Activity", ".activity .side tbody tr")
SYMBOL = View("symbol", "/symbols/AAPL", "", "AAPL", ".symbol .plot canvas")
DESK = View("desk", "/desk", "Desk", "Desk", ".desk .fetches li")
VIEWS = (BOARD, WAY, ACTIVITY, SYMBOL, DESK)


def is_open(page: Page, view: View) -> None:
    expect(page.get_by_role("heading", level=1, name=view.heading, exact=True)).to_have_count(1)
    assert urlsplit(page.url).path == view.path
    current = [link.inner_text() for link in page.locator(".views [aria-current=page]").all()]
    assert current == ([view.link] if view.link else [])


def is_filled(page: Page, view: View) -> None:
    expect(page.locator(view.ready).first).to_be_attached()
    expect(page.locator("#view .skeleton")).to_have_count(0)


def is_live(page: Page, timeout_s: float = 20) -> None:
    """Ticks come in."""
    expect(page.locator("#status [data-state]")).to_have_attribute("data-state", "connected", timeout=timeout_s * 1000)
