"""Runs the simulator: `python -m pipeline.embedded.alphavantage --port 8765 --data DIR`.

1. Read the listing and the recorded rows, and the anchor from DIR/anchor.json; a first start writes it.
2. Listen, and say so in one line on standard output, with the address. Port 0 takes a free one.
3. Answer until SIGTERM or SIGINT, then close and exit with 0. What cannot start exits with 1 and says why.
"""

import argparse
import logging
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path

from pipeline.domain.calendar import last_closed_session
from pipeline.domain.errors import TickerlineError
from pipeline.domain.times import from_rfc3339
from pipeline.embedded.alphavantage.anchor import read_or_set_anchor
from pipeline.embedded.alphavantage.control import Clock, Control
from pipeline.embedded.alphavantage.limits import PLANS, Limits
from pipeline.embedded.alphavantage.listing import read_listing, read_recorded
from pipeline.embedded.alphavantage.market import Market
from pipeline.embedded.alphavantage.server import Simulator

SHIPPED = Path(__file__).resolve().parent.parent / "data"
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Blocked before any thread starts, so that all inherit it and only `sigwait` below ever sees these signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        control = Control(Clock(options.now), Limits(PLANS[options.plan]))
        server = _server(options.host, options.port, options.data, control)
    except (TickerlineError, OSError) as error:
        print(f"the Alpha Vantage simulator cannot start: {error}", file=sys.stderr)
        return 1
    with server:
        thread = threading.Thread(target=server.serve_forever, name="http", daemon=True)
        thread.start()
        print(f"Alpha Vantage simulator: listening on {server.url}", flush=True)
        signal.sigwait(STOP_SIGNALS)
        server.shutdown()
        thread.join()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pipeline.embedded.alphavantage", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0: a free one")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="where the anchor is kept")
    parser.add_argument("--now", type=_time, metavar="ISO", help="a clock that stands still at this time")
    parser.add_argument("--plan", choices=PLANS, default="none", help="whose limits to enforce; default: no limits")
    return parser


def _time(text: str) -> datetime:
    try:
        return from_rfc3339(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a time with an offset, like 2026-11-20T22:00Z, got {text!r}"
        ) from None


def _server(host: str, port: int, data: Path, control: Control) -> Simulator:
    anchor = read_or_set_anchor(data, last_closed_session(control.clock()))
    market = Market(read_listing(SHIPPED / "listing.csv"), read_recorded(SHIPPED / "daily_wiki.csv"), anchor)
    try:
        return Simulator((host, port), market, control)
    except OSError as error:
        raise OSError(error.errno, f"{host}:{port}: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
