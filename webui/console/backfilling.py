"""`manage.py backfill --since 2020-01-01 [SYMBOL…] [--interval daily] [--no-wait]`: fill in history, of the watchlist by default.

1. Make the job; from then on it is durable, and goes on whatever is killed.
2. Show how many symbols are done; Ctrl-C leaves the rest to the workers.
3. Say what could not be had. Exit codes: see `following`; what Alpha Vantage does not have is no failure.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date

from pipeline import bootstrap
from pipeline.domain.backfill import Backfill, Part
from pipeline.domain.errors import InvalidValue, TickerlineError
from pipeline.domain.requests import SERIES
from pipeline.settings import Settings
from webui.console.following import NOTHING_RUNS, SOME_FAILED, SUCCEEDED, WRONG_USAGE, Standing, follow, runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("symbols", nargs="*", metavar="SYMBOL", help="default: the watchlist")
    parser.add_argument("--since", type=_day, required=True, metavar="DAY", help="the first day, like 2020-01-01")
    parser.add_argument("--interval", choices=SERIES, default="daily", help="which bars; default: daily")
    parser.add_argument("--no-wait", action="store_true", help="don't wait for the bars")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day like 2020-01-01, got {text!r}") from None


def run(symbols: Sequence[str], since: date, interval: str, wait: bool) -> int:
    if not runs():
        print("backfill: nothing is running; `manage.py up` starts it", file=sys.stderr)
        return NOTHING_RUNS
    try:
        settings = bootstrap.load_settings()
        chosen = list(symbols) or [watched.symbol for watched in bootstrap.watchlist_store(settings).watched()]
        job = bootstrap.backfills(settings).start(chosen, interval, since, "command")
        print(f"back-fill {job.id}: {len(job.symbols)} symbols, {interval}, since {since}")
        return _wait(settings, job) if wait else SUCCEEDED
    except InvalidValue as error:
        print(f"backfill: {error}", file=sys.stderr)
        return WRONG_USAGE
    except TickerlineError as error:
        print(f"backfill: {error}", file=sys.stderr)
        return SOME_FAILED


def _wait(settings: Settings, job: Backfill) -> int:
    jobs = bootstrap.backfill_store(settings)

    def look() -> Standing:
        parts = jobs.parts(job.id)
        asking = [part.symbol for part in parts if part.fetch_id]
        words = f"{sum(part.bars for part in parts)} new bars"
        return Standing(
            sum(part.done for part in parts), len(parts), f"{words}; asking for {_few(asking)}" if asking else words
        )

    try:
        follow(look)
    except KeyboardInterrupt:
        print(f"backfill: the workers go on with {job.id}", file=sys.stderr)
        return SOME_FAILED
    return _tell(jobs.parts(job.id))


def _tell(parts: Sequence[Part]) -> int:
    for part in parts:
        if part.failed:
            print(f"{part.symbol}: {part.failed} requests failed: {part.reason}", file=sys.stderr)
    bars, unfillable = sum(part.bars for part in parts), sum(part.unfillable for part in parts)
    failed = sum(part.failed > 0 for part in parts)
    print(
        f"{bars} new bars; {unfillable} sessions cannot be had (GET /api/v1/coverage/SYMBOL says why); {failed} symbols failed"
    )
    return SOME_FAILED if failed else SUCCEEDED


def _few(symbols: Sequence[str]) -> str:
    return ", ".join(symbols[:3]) + (f" and {len(symbols) - 3} more" if len(symbols) > 3 else "")
