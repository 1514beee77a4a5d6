"""`manage.py watch [SYMBOL…] [--url ws://…] [--json]`: the ticks as they come, a line each, until Ctrl-C.

Notices about the connection, and what was skipped or is missing, go to stderr.
Exit codes: 0; 1 when nothing answers; 2 when what was asked for can't be.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

from pipeline.domain.errors import InvalidValue, SettingsError
from pipeline.domain.frames import Frame
from pipeline.domain.symbols import checked_symbol
from pipeline.settings import read_values
from webui.console.live_client import LiveClient, Notice, NotReached
from webui.console.ports import HOST
from webui.console.processes import fixed_ports


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("symbols", nargs="*", metavar="SYMBOL", help="default: all")
    parser.add_argument("--url", metavar="URL", help="default: the dashboard of the system that runs here")
    parser.add_argument("--json", action="store_true", help="each tick as a JSON object")


def run(symbols: Sequence[str], url: str | None, as_json: bool) -> int:
    try:
        wanted = [checked_symbol(symbol) for symbol in symbols]
        url = url or f"ws://{HOST}:{fixed_ports(read_values()).dashboard}/ws/live"
        asyncio.run(_watch(LiveClient(url, ["ticks"], wanted), as_json))
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:  # whoever read the lines is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (InvalidValue, SettingsError) as error:
        print(f"watch: {error}", file=sys.stderr)
        return 2
    except NotReached as error:
        print(f"watch: {error}; is the system running? `manage.py up` starts it", file=sys.stderr)
        return 1
    return 0


async def _watch(client: LiveClient, as_json: bool) -> None:
    shown = Shown(as_json)
    async with aclosing(client.follow()) as items:
        async for item in items:
            if isinstance(item, Notice):
                print(f"watch: {item.words}", file=sys.stderr, flush=True)
            else:
                shown.show(item)


class Shown:
    """Prints each tick once, in the order of its symbol's numbers."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._last: dict[str, tuple[str, int]] = {}  # by symbol: session and number

    def show(self, frame: Frame) -> None:
        lines = [self._line(tick) for tick in frame["ticks"] if self._is_new(tick)]
        if lines:
            print("\n".join(lines), flush=True)

    def _is_new(self, tick: Mapping[str, Any]) -> bool:
        return (tick["session"], tick["seq"]) > self._last.get(tick["symbol"], ("", 0))

    def _line(self, tick: Mapping[str, Any]) -> str:
        session, last = self._last.get(tick["symbol"], ("", 0))
        self._last[tick["symbol"]] = tick["session"], tick["seq"]
        if self._as_json:
            return json.dumps(tick)
        # Of a new session, or at the start, it is not known what came before.
        between = tick["seq"] - last - 1 if session == tick["session"] else 0
        return line(tick, between)


def line(tick: Mapping[str, Any], between: int) -> str:
    """`between`: the numbers of its symbol since the last line; of them it says how many were skipped, and that others lack."""
    change = "" if tick["change"] is None else f"{tick['change']:+.4f} {tick['change_percent']:+.2f} %"
    skipped = min(between, tick["skipped"])
    notes = [f"{count} {what}" for count, what in ((skipped, "skipped"), (between - skipped, "missing")) if count]
    words = f"  ({', '.join(notes)})" if notes else ""
    price = f"{tick['price']:.4f}"
    return (
        f"{tick['event_time']}  {tick['symbol']:<8} {price:>12}  {change:>20}  {tick['size']:>9}  #{tick['seq']}{words}"
    )
