"""A real Chromium, Debian's, driven by Playwright; the browsers that Playwright itself would download are not needed.

with chromium(path) as browser, opened(browser, url, PHONE, "light") as page:
    page.goto("/way")
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

MISSING = (
    "this needs a real browser: install Chromium (Debian: apt-get install chromium), or name one by TICKERLINE_CHROMIUM"
)
Theme = Literal["dark", "light"]
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


class Screen(NamedTuple):
    name: str
    width: int
    height: int
    phone: bool = False


DESKTOP, PHONE = Screen("desktop", 1440, 900), Screen("phone", 390, 844, phone=True)


def chromium_path() -> str | None:
    named = os.environ.get("TICKERLINE_CHROMIUM")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """Without a window, with an empty profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser, url: str, screen: Screen = DESKTOP, theme: Theme = "dark", **options: Any
) -> Iterator[Page]:
    """An empty page of a new profile; paths are relative to `url`. `options` are those of a browser's context."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": screen.width, "height": screen.height},
        is_mobile=screen.phone,
        has_touch=screen.phone,
        color_scheme=theme,
        locale="en-US",
        **options,
    )
    try:
        yield context.new_page()
    finally:
        context.close()
