"""`manage.py stream [status|start|pause|resume|stop|seek|speed]`: what plays, and orders to it.

Exit codes: 0; 1 when the stores do not answer; 2 when what was asked for can't be.
"""

import argparse
import json
import sys
from datetime import UTC, datetime

from pipeline import bootstrap
from pipeline.domain.bars import EASTERN, session_date
from pipeline.domain.errors import InvalidValue, TickerlineError, Unavailable
from pipeline.domain.symbols import checked_symbol
from pipeline.stages.opening import Wish
from pipeline.stages.stream import Playing, Stream, StreamState
from webui.api.stream import stream_out

ACTIONS = {
    "status": "show what plays (the default)",
    "start": "open a session in place of the one that plays",
    "pause": "hold all symbols at one moment",
    "resume": "go on where it was paused",
    "stop": "end the session; only `start` opens another",
    "seek": "go on with the first bar at a date",
    "speed": "play faster or slower: 0.1 to 1000 times",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    parsers = {name: actions.add_parser(name, help=words) for name, words in ACTIONS.items()}
    start = parsers["start"]
    start.add_argument("symbols", nargs="*", metavar="SYMBOL", help="these alone; default: all that have bars")
    start.add_argument("--since", type=_date, metavar="DATE", help="the first bar is of this date or later")
    start.add_argument("--speed", type=float, default=1.0, help="0.1 to 1000; default: 1")
    start.add_argument("--once", action="store_true", help="end with the last bar; else it begins anew")
    parsers["seek"].add_argument("to", type=_date, metavar="DATE", help="like 2026-03-31")
    parsers["speed"].add_argument("factor", type=float, help="1: ten ticks a second of each symbol")


def _date(text: str) -> datetime:
    """A US/Eastern date's midnight, or a time with an offset; as UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a date like 2026-03-31, got {text!r}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=EASTERN)).astimezone(UTC)


def run(options: argparse.Namespace) -> int:
    try:
        stream = bootstrap.stream(bootstrap.load_settings())
        _give(stream, options)
        playing = stream.playing()
    except InvalidValue as error:
        print(f"stream: {error}", file=sys.stderr)
        return 2
    except Unavailable as error:
        print(f"stream: {error}; is the system running? `manage.py up` starts it", file=sys.stderr)
        return 1
    except TickerlineError as error:
        print(f"stream: {error}", file=sys.stderr)
        return 1
    print(json.dumps(stream_out(playing).model_dump(), indent=2) if options.json else report(playing))
    return 0


def _give(stream: Stream, options: argparse.Namespace) -> None:
    match options.action:
        case "start":
            symbols = [checked_symbol(symbol) for symbol in options.symbols] or None
            stream.start(Wish(symbols, options.since, options.speed, not options.once))
        case "speed":
            stream.speed(options.factor)
        case "seek":
            stream.seek(options.to)
        case "pause" | "resume" | "stop":
            {"pause": stream.pause, "resume": stream.resume, "stop": stream.stop}[options.action]()


def report(playing: Playing) -> str:
    """What plays, as people read it."""
    session = playing.session
    if session is None:
        return f"{playing.state}: no session has been opened yet"
    shown = ", ".join(sorted(session.members)[:8]) + (", …" if len(session.members) > 8 else "")
    first, last = session_date(session.slots[0]), session_date(session.slots[-1])
    lines = [
        f"{playing.state}, session {session.id}, {playing.speed:g} ×",
        f"  symbols   {len(session.members)}: {shown}",
        f"  bars      {session.interval}, {first} to {last}, from {session.source}; the ticks are simulated",
    ]
    if playing.position and playing.state != StreamState.STOPPED:
        lines.append(f"  plays     {session_date(playing.position)}")
    lines.append(f"  at the end {'it begins anew' if session.loop else 'it ends'}")
    return "\n".join(lines)
