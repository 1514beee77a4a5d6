"""`manage.py fetch SYMBOL… [--interval daily] [--full] [--no-wait]`: ask for bars, and follow the fetches until they end.

1. Make the fetch records, all or none, and queue their tasks.
2. Show how many have ended; Ctrl-C leaves them to the workers.
3. Say of each failed one why. Exit codes: see `following`.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from celery.exceptions import OperationalError

from pipeline import bootstrap
from pipeline.domain.errors import InvalidValue, TickerlineError
from pipeline.domain.fetches import OPEN_STATES, FetchRecord, FetchState
from pipeline.domain.requests import SERIES
from webui.api.backend import send_fetches
from webui.console.following import NOTHING_RUNS, SOME_FAILED, SUCCEEDED, WRONG_USAGE, Standing, follow, runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
    parser.add_argument("--interval", choices=SERIES, default="daily", help="which bars; default: daily")
    parser.add_argument("--full", action="store_true", help="all history, where the key's plan has it")
    parser.add_argument("--no-wait", action="store_true", help="don't wait for the bars")


def run(symbols: Sequence[str], interval: str, full: bool, wait: bool) -> int:
    if not runs():
        print("fetch: nothing is running; `manage.py up` starts it", file=sys.stderr)
        return NOTHING_RUNS
    try:
        settings = bootstrap.load_settings()
        records = bootstrap.request_fetches(settings, symbols, "command", interval, full)
        _send(records)
        if not wait:
            print("\n".join(f"{record.id}  {record.symbol}" for record in records))
            return SUCCEEDED
        return _wait([record.id for record in records])
    except InvalidValue as error:
        print(f"fetch: {error}", file=sys.stderr)
        return WRONG_USAGE
    except TickerlineError as error:
        print(f"fetch: {error}", file=sys.stderr)
        return SOME_FAILED


def _send(records: Sequence[FetchRecord]) -> None:
    try:
        send_fetches([record.id for record in records if record.state is FetchState.QUEUED])
    except OperationalError:
        print("fetch: the broker does not answer; the fetches are stored, and are sent when it does", file=sys.stderr)


def _wait(fetch_ids: Sequence[str]) -> int:
    fetches = bootstrap.fetch_store(bootstrap.load_settings())
    known: dict[str, FetchRecord] = {}

    def look() -> Standing:
        for fetch_id in fetch_ids:
            if (fetch_id not in known or known[fetch_id].state in OPEN_STATES) and (record := fetches.get(fetch_id)):
                known[fetch_id] = record
        states = Counter(record.state for record in known.values())
        ended = states[FetchState.SUCCEEDED] + states[FetchState.FAILED]
        waiting = next((record.reason for record in known.values() if record.state == FetchState.WAITING), None)
        return Standing(ended, len(fetch_ids), waiting or "")

    try:
        follow(look)
    except KeyboardInterrupt:
        print("fetch: the workers go on; follow the fetches at /api/v1/fetches", file=sys.stderr)
        return SOME_FAILED
    failed = [record for record in known.values() if record.state == FetchState.FAILED]
    for record in failed:
        print(f"{record.symbol}: {record.reason}", file=sys.stderr)
    bars = sum(record.change.count for record in known.values() if record.change)
    print(f"{bars} new or changed bars; {len(fetch_ids) - len(failed)} succeeded, {len(failed)} failed")
    return SOME_FAILED if failed else SUCCEEDED
