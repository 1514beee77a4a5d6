"""The README's pictures, taken from a running system: python -m tests.browser.pictures

Starts a system of its own with a dozen symbols, lets it play for a while, and writes docs/pictures/*.png.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.views import BOARD, SYMBOL, WAY, View, is_filled, is_live
from tests.support.chromium import MISSING, PHONE, Screen, Theme, chromium, chromium_path, opened
from tests.support.servers import ROOT, wait_until
from tests.support.system import System

PICTURES = ROOT / "docs" / "pictures"
LARGEST = 250_000  # bytes
SETTLE_MS = 65_000  # until each symbol's last minute is known
SYMBOLS = "AAPL,AMZN,CSCO,GE,GOOGL,IBM,INTC,JPM,META,MSFT,NVDA,ORCL,TSLA,WMT,XOM"
WIDE, WALL = Screen("wide", 1280, 800), Screen("wall", 1280, 560)
TAKEN: tuple[tuple[str, View, Screen, Theme], ...] = (
    ("board", BOARD, WIDE, "dark"),
    ("board-light", BOARD, WIDE, "light"),
    ("board-phone", BOARD, PHONE, "dark"),
    ("way", WAY, WIDE, "dark"),
    ("symbol", SYMBOL, WIDE, "dark"),
)


def take(page: Page, name: str) -> None:
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size / 1000:.0f} kB")
    if size > LARGEST:
        raise SystemExit(f"{path.name} is larger than {LARGEST / 1000:.0f} kB")


def take_all(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        page.goto("/")
        is_live(page, 60)
        page.wait_for_timeout(SETTLE_MS)
    for name, view, screen, theme in TAKEN:
        with opened(browser, url, screen, theme, bypass_csp=True) as page:
            page.goto(view.path)
            is_live(page)
            is_filled(page, view)
            page.wait_for_timeout(3000)  # the first figures of the status bar
            take(page, name)
    with opened(browser, url, WALL, bypass_csp=True) as page:
        page.goto("/kiosk")
        is_live(page)
        page.wait_for_timeout(12_000)  # the tape has crossed the screen
        take(page, "kiosk")


def main() -> int:
    path = chromium_path()
    if path is None:
        raise SystemExit(MISSING)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tickerline-pictures-") as directory:
        system = System(Path(directory), {"TICKERLINE_WATCHLIST": SYMBOLS})
        try:
            system.up()
            wait_until(system.flows, "ticks come", 120)
            with chromium(path) as browser:
                take_all(browser, system.url("dashboard"))
        finally:
            system.down()
    return 0


if __name__ == "__main__":
    sys.exit(main())
