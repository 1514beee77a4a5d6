"""`manage.py status [--json]`: the running system, as supervisord sees it and as it answers now.

Exit code 0 when it is ready: everything runs and is well, and ticks flow.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.domain.errors import TickerlineError
from pipeline.settings import data_dir
from webui.console.errors import ConsoleError
from webui.console.place import Place
from webui.console.report import System, gather

COLUMNS = ("name", "state", "health", "pid", "restarts", "where")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="status", description="Show the running system.")
    add_arguments(parser)
    return run(parser.parse_args(argv).json)


def run(as_json: bool) -> int:
    try:
        report = read()
    except TickerlineError as error:
        print(f"status: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report, indent=2) if as_json else table(report))
    return 0 if report["ready"] else 1


def read() -> dict[str, Any]:
    """The status object. Raises ConsoleError when nothing runs."""
    place = Place(data_dir())
    system = System.read(place)
    if system is None:
        raise ConsoleError(f"nothing is running in {place.data}; `manage.py up` starts it")
    return gather(place, system)


def table(report: dict[str, Any]) -> str:
    rows = [COLUMNS, *_rows(report)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", "ready" if report["ready"] else "not ready"])


def _rows(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, entry in report["servers"].items():
        where = entry.get("url") or entry.get("bootstrap_servers") or entry.get("zookeepers") or entry.get("path") or ""
        yield _row(name, entry, where if entry["embedded"] else f"{where} (configured)")
    for entries in report["processes"].values():
        for entry in entries:
            yield _row(entry["name"], entry, entry.get("url", ""))


def _row(name: str, entry: dict[str, Any], where: str) -> tuple[str, ...]:
    pid = "" if entry["pid"] is None else str(entry["pid"])
    return (name, entry["state"], entry["health"], pid, str(entry["restarts"]), where)


if __name__ == "__main__":
    sys.exit(main())
