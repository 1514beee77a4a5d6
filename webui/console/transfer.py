"""`manage.py bars import FILE --symbol S` and `bars export S -o FILE`: history that people have already, in and out.

Imported rows are checked one by one, as Alpha Vantage's are, and are marked with the source "import". Some thousands of them go
in as one fetch, so that the event `bars.stored` goes out as for any bars. Exit codes: see `following`.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from celery import signature
from celery.exceptions import OperationalError

from pipeline import bootstrap
from pipeline.domain.bar_rows import BadRow, read_rows
from pipeline.domain.bars import Bar, session_date
from pipeline.domain.errors import InvalidValue, TickerlineError
from pipeline.domain.fetches import FetchRecord, Reply
from pipeline.domain.requests import SERIES
from pipeline.domain.symbols import checked_symbol
from pipeline.settings import Settings
from webui.celery import app
from webui.console.bar_files import FORMATS, format_of, read_file, write_csv, write_parquet
from webui.console.errors import ConsoleError
from webui.console.following import NOTHING_RUNS, SOME_FAILED, SUCCEEDED, WRONG_USAGE, ProgressBar, Standing, runs

AT_ONCE = 5_000  # bars of one transaction
MOST_TOLD = 20
_LEASE = timedelta(minutes=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, parser_class=argparse.ArgumentParser)
    into = actions.add_parser("import", help="bars from a file into the store")
    into.add_argument("file", type=Path)
    into.add_argument("--symbol", required=True)
    into.add_argument("--skip-bad", action="store_true", help="store the good rows of a file that has bad ones")
    out = actions.add_parser("export", help="stored bars into a file")
    out.add_argument("symbol")
    out.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output, CSV")
    for each in (into, out):
        each.add_argument("--interval", choices=SERIES, default="daily", help="which bars; default: daily")
        each.add_argument("--format", choices=FORMATS, help="default: by the file's name, else csv")


def run(options: argparse.Namespace) -> int:
    if not runs():
        print("bars: nothing is running; `manage.py up` starts it", file=sys.stderr)
        return NOTHING_RUNS
    try:
        symbol = checked_symbol(options.symbol)
        settings = bootstrap.load_settings()
        if options.action == "export":
            return export(settings, symbol, options.interval, options.output, options.format)
        form = format_of(options.file, options.format)
        return import_file(settings, symbol, options.interval, options.file, form, options.skip_bad)
    except InvalidValue as error:
        print(f"bars: {error}", file=sys.stderr)
        return WRONG_USAGE
    except TickerlineError as error:
        print(f"bars: {error}", file=sys.stderr)
        return SOME_FAILED


def import_file(settings: Settings, symbol: str, interval: str, path: Path, form: str, skip_bad: bool) -> int:
    read = list(read_rows(read_file(path, form), symbol, interval, datetime.now(UTC)))
    bad = [row for row in read if isinstance(row, BadRow)]
    bars = sorted((bar for bar in read if isinstance(bar, Bar)), key=lambda bar: bar.time)
    for row in bad[:MOST_TOLD]:
        print(f"row {row.number}: {row.reason}", file=sys.stderr)
    if len(bad) > MOST_TOLD:
        print(f"and {len(bad) - MOST_TOLD} more bad rows", file=sys.stderr)
    if (bad and not skip_bad) or not bars:
        why = "--skip-bad stores the good ones" if bars else "no good row"
        print(f"{path}: {len(bad)} bad rows of {len(read)}; nothing is stored ({why})", file=sys.stderr)
        return SOME_FAILED
    shown, changed = ProgressBar(), 0
    for at in range(0, len(bars), AT_ONCE):
        part = bars[at : at + AT_ONCE]
        changed += _store(settings, symbol, interval, part, path.name)
        shown.show(Standing(at + len(part), len(bars), "bars"))
    print(f"{changed} new or changed bars of {symbol}, {len(bad)} bad rows left out")
    return SUCCEEDED


def _store(settings: Settings, symbol: str, interval: str, bars: list[Bar], name: str) -> int:
    fetches, now = bootstrap.fetch_store(settings), datetime.now(UTC)
    record = FetchRecord(uuid4().hex, symbol, uuid4().hex, "import", now, interval=interval)
    fetches.add([record])
    # With a reply nobody asks Alpha Vantage for it, whenever this process may end.
    fetches.save_reply(record.id, Reply("{}", now))
    fetches.note(record.id, f"imported from {name}")
    fetches.take(record.id, now, now + _LEASE)
    change = bootstrap.bar_store(settings).store(record.id, bars, now)
    try:
        signature("ingest.publish", args=[record.id], app=app).apply_async(retry=False)
    except OperationalError:
        print("bars: the broker does not answer; the event goes out when it does", file=sys.stderr)
    return change.count


def export(settings: Settings, symbol: str, interval: str, path: Path | None, form: str | None) -> int:
    store = bootstrap.bar_store(settings)
    series = store.one_series(symbol, interval)
    if series is None:
        raise ConsoleError(f"no {interval} bars of {symbol} are stored")

    def stored() -> Iterator[Bar]:
        """Year by year: a minute's bars of decades don't fit into memory."""
        start = series.first
        while start <= series.last:
            end = min(series.last, start + timedelta(days=365))
            yield from (bar for bar in store.bars(symbol, interval, start, end) if not bar.forming)
            start = end + timedelta(milliseconds=1)

    if path is None:
        if form == "parquet":
            raise InvalidValue("--output", "expected a file for Parquet")
        write_csv(sys.stdout, interval, stored())
        return SUCCEEDED
    try:
        if format_of(path, form) == "parquet":
            count = write_parquet(path, interval, stored())
        else:
            with path.open("w", newline="", encoding="utf-8") as file:
                count = write_csv(file, interval, stored())
    except OSError as error:
        raise ConsoleError(f"{path}: {error.strerror}") from None
    print(f"{count} bars of {symbol}, {session_date(series.first)} to {session_date(series.last)}, in {path}")
    return SUCCEEDED
