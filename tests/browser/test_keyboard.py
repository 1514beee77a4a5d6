"""Everything by the keyboard alone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.views import VIEWS, View, is_filled, is_live

# What an element is, in words that stay the same when it is made anew.
_NAME = """(element) => [element.tagName, element.id, element.getAttribute("href"),
  element.getAttribute("aria-label")?.replace(/\\d+ bars/, "bars"),
  ["BUTTON", "SUMMARY"].includes(element.tagName) ? element.textContent : ""].filter(Boolean).join(" ")"""
_REACHABLE = f"""() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({{ visibilityProperty: true }})).map({_NAME})"""
_FOCUSED = f"""() => {{
  const element = document.activeElement;
  if (element === document.body) return null;
  const {{ outlineStyle, outlineWidth }} = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {{ name: ({_NAME})(element), seen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    there: box.width > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth }};
}}"""
PASSING = r"Trace tick \d+"  # the newest ticks move on while they are gone through
MOST_STOPS = 3  # an element may have several: a date's day, month and year


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_tab_key_reaches_everything_and_shows_where_it_is(page: Page, view: View) -> None:
    page.goto(view.path)
    is_live(page)
    is_filled(page, view)
    wanted = {name for name in page.evaluate(_REACHABLE) if not re.search(PASSING, name)}
    reached: set[str] = set()
    for _ in range(MOST_STOPS * len(wanted) + 10):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused is None:
            continue  # beyond the last one; the next is the first
        reached.add(focused["name"])
        assert focused["seen"], f"nothing shows that {focused['name']} has the focus"
        assert focused["there"], f"{focused['name']} has the focus and is not on the screen"
        if wanted <= reached:
            break
    assert wanted - reached == set()


def test_the_first_stop_leads_past_the_head_to_the_content(page: Page) -> None:
    page.goto("/way")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="To the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#view")).to_be_focused()


def test_a_view_is_opened_and_a_symbol_is_looked_for_by_keys(page: Page) -> None:
    page.goto("/way")
    page.get_by_role("link", name="Board", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox", name="Search symbols")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("aapl")
    expect(page.get_by_text(re.compile(r"^1 of \d+ symbols$"))).to_be_visible()
    page.get_by_role("link", name="AAPL", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="AAPL")).to_be_visible()
