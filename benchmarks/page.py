"""The dashboard's page in a real Chromium, beside its goals.

    python -m benchmarks.page [--only load crowd lighthouse] [--repeats 5] [--seconds 30] [--json FILE]

1. Load: a new profile opens the start view of a running system: first contentful paint, and all that is transferred for it.
2. Crowd: 1,000 symbols tick ten times a second each, as the monitor's frames have them: how busy the main thread is, and its
   longest task. The ticks are made up and put on the live channel, so that no pipeline shares the machine's cores with Chromium.
3. Lighthouse, from npm by `npx`, for a desktop; needs Node.js, and is left out without it.

Needs Chromium. About 3 minutes; a machine that does something else meanwhile gives other figures. Fails when a goal is missed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page

from benchmarks.engine.figures import Figure, conclude, judged, machine, table
from tests.support.chromium import MISSING, chromium, chromium_path, opened
from tests.support.made_up import MadeUp
from tests.support.servers import wait_until
from tests.support.system import System
from tests.support.web import served_web

SYMBOLS, HZ = 1000, 10
SETTLE_MS = 5000
LIGHTHOUSE = "lighthouse@12.8.2"
LIVE = "() => document.querySelector('#status [data-state]').dataset.state === 'connected'"
_TASKS = """window.tasks = [];
const told = (list) => window.tasks.push(...list.getEntries().map((one) => one.duration));
new PerformanceObserver(told).observe({ type: "longtask" });
"""
_FRAMES = """(ms) => new Promise((done) => {
  let frames = 0;
  const end = performance.now() + ms;
  const count = () => { frames += 1; performance.now() < end ? requestAnimationFrame(count) : done((frames * 1000) / ms); };
  requestAnimationFrame(count);
})"""


@contextmanager
def running_system() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="tickerline-benchmark-") as directory:
        system = System(Path(directory))
        try:
            system.up()
            wait_until(system.flows, "ticks come", 120)
            yield system.url("dashboard")
        finally:
            system.down()


def load(browser: Browser, url: str, repeats: int) -> list[Figure]:
    """Each time with a new profile: nothing is cached."""
    loads = [_one_load(browser, url) for _ in range(repeats)]
    painted, transferred, requests = zip(*loads, strict=True)
    return [
        judged("first contentful paint", painted, "ms", "< 1,000", lambda ms: ms < 1000),
        judged("transferred, all requests", transferred, "kB", "< 300", lambda kilobytes: kilobytes < 300),
        judged("requests", requests, ""),
    ]


def _one_load(browser: Browser, url: str) -> tuple[float, float, float]:
    sizes: list[float] = []
    with opened(browser, url) as page:
        protocol = page.context.new_cdp_session(page)
        protocol.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        protocol.send("Network.enable")
        page.goto("/")
        page.wait_for_function(LIVE)
        page.wait_for_load_state("networkidle")
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        return float(painted), sum(sizes) / 1000, float(len(sizes))


def crowd(browser: Browser, repeats: int, seconds: float) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="tickerline-benchmark-") as directory,
        served_web(Path(directory), "dashboard") as web,
        MadeUp(web.live, SYMBOLS).playing(HZ),
    ):
        runs = [_one_crowd(browser, web.url, seconds) for _ in range(repeats)]
    busy, longest, rates, skipped = zip(*runs, strict=True)
    return [
        judged("1,000 symbols × 10 Hz: main thread busy", busy, "%", "< 50", lambda percent: percent < 50),
        judged("longest task", longest, "ms", "≤ 100", lambda ms: ms <= 100),
        judged("frames of the screen", rates, "/s"),
        judged("frames skipped for this browser", skipped, ""),
    ]


def _one_crowd(browser: Browser, url: str, seconds: float) -> tuple[float, float, float, float]:
    with opened(browser, url) as page:
        page.add_init_script(_TASKS)
        page.goto("/")
        page.get_by_text(f"{SYMBOLS} symbols", exact=True).wait_for()
        page.wait_for_timeout(SETTLE_MS)
        protocol = page.context.new_cdp_session(page)
        protocol.send("Performance.enable")
        page.evaluate("window.tasks.length = 0")
        before = _metrics(protocol)
        rate = page.evaluate(_FRAMES, 1000 * seconds)
        after = _metrics(protocol)
        busy = (after["TaskDuration"] - before["TaskDuration"]) / (after["Timestamp"] - before["Timestamp"])
        longest = page.evaluate("Math.max(0, ...window.tasks)")  # told from 50 ms on
        return 100 * busy, float(longest), float(rate), _skipped(page)


def _metrics(protocol: CDPSession) -> dict[str, float]:
    return {one["name"]: one["value"] for one in protocol.send("Performance.getMetrics")["metrics"]}


def _skipped(page: Page) -> float:
    return float(page.locator("#status [data-show=skipped]").inner_text().replace(",", ""))


def lighthouse(path: str, url: str, repeats: int) -> list[Figure]:
    npx = shutil.which("npx")
    if npx is None:
        print("Lighthouse is left out: there is no npx (Node.js)", flush=True)
        return []
    runs = [_one_lighthouse(npx, path, url) for _ in range(repeats)]
    found = []
    for name in ("performance", "accessibility"):
        scores = [100 * run["categories"][name]["score"] for run in runs]
        found.append(judged(f"Lighthouse, {name}", scores, "", "≥ 95", lambda score: score >= 95))
    return found


def _one_lighthouse(npx: str, path: str, url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="tickerline-lighthouse-") as directory:
        report = Path(directory) / "report.json"
        subprocess.run(
            [npx, "--yes", LIGHTHOUSE, url, "--quiet", "--preset=desktop", "--only-categories=performance,accessibility",
             "--output=json", f"--output-path={report}", "--chrome-flags=--headless=new --no-sandbox --disable-gpu"],
            env=os.environ | {"CHROME_PATH": path}, check=True, timeout=300,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(report.read_text())
        return found


def measure(path: str, options: argparse.Namespace) -> list[Figure]:
    figures: list[Figure] = []
    if "crowd" in options.only:
        with chromium(path) as browser:
            figures += crowd(browser, min(3, options.repeats), options.seconds)
    if {"load", "lighthouse"} & set(options.only):
        with running_system() as url:
            parts: dict[str, Callable[[], list[Figure]]] = {
                "load": lambda: _loaded(path, url, options.repeats),
                "lighthouse": lambda: lighthouse(path, url, min(3, options.repeats)),
            }
            figures += [figure for name, part in parts.items() if name in options.only for figure in part()]
    return figures


def _loaded(path: str, url: str, repeats: int) -> list[Figure]:
    with chromium(path) as browser:
        return load(browser, url, repeats)


def main() -> int:
    parser = argparse.ArgumentParser(description="The dashboard's page in a real Chromium, beside its goals.")
    parser.add_argument("--only", nargs="+", default=["load", "crowd", "lighthouse"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30.0, help="that the crowd is looked at")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    path = chromium_path()
    if path is None:
        parser.error(MISSING)
    where = machine()
    print(where, flush=True)
    figures = measure(path, options)
    print(f"\n{table('Chromium', figures)}", flush=True)
    return conclude({"page": figures}, where, options.json)


if __name__ == "__main__":
    sys.exit(main())
