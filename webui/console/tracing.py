"""`manage.py trace SYMBOL SEQ [--session ID] [--json]`: a tick's whole life.

Exit codes: 0; 1 when there is no such tick, or a store does not answer; 2 when what was asked for can't be.
"""

import argparse
import json
import sys
from datetime import datetime

from pipeline import bootstrap
from pipeline.domain.bars import price_to_text, session_date
from pipeline.domain.errors import InvalidValue, TickerlineError, Unavailable
from pipeline.domain.times import to_ms
from pipeline.stages.trace import Lineage, Moment, Origin
from webui.api.trace import events_of, lineage_out

HOPS = {"tick": "made", "buffer": "buffered", "forward": "forwarded", "show": "shown"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("symbol", metavar="SYMBOL")
    parser.add_argument("seq", type=int, metavar="SEQ", help="the tick's number in its session, from 1")
    parser.add_argument("--session", metavar="ID", help="default: the newest session that has the number")
    parser.add_argument("--json", action="store_true", help="as one JSON object, as the API gives it")


def run(symbol: str, seq: int, session: str | None, as_json: bool) -> int:
    try:
        lineage = bootstrap.trace(bootstrap.load_settings()).tick(symbol, seq, session)
    except InvalidValue as error:
        print(f"trace: {error}", file=sys.stderr)
        return 2
    except Unavailable as error:
        print(f"trace: {error}; is the system running? `manage.py up` starts it", file=sys.stderr)
        return 1
    except TickerlineError as error:
        print(f"trace: {error}", file=sys.stderr)
        return 1
    print(json.dumps(lineage_out(lineage).model_dump(), indent=2) if as_json else report(lineage))
    return 0


def report(lineage: Lineage) -> str:
    """As people read it: where the tick is from, and when it passed each hop."""
    place, leg, tick = lineage.place, lineage.place.leg, json.loads(lineage.line)
    facts = [
        ("tick", f"{tick['size']} at {tick['price']:.4f}; simulated, from bars of {tick['source']}"),
        ("session", f"{lineage.session.id}, seed {lineage.session.seed}"),
        ("plan", f"shard {leg.shard}, leg {leg.number} of epoch {leg.epoch}, {leg.speed:g} ×, beat {place.beat}"),
        ("batch", f"beats {place.first_beat} to {place.position.beat}, trace id {tick['trace_id']}"),
        *_bar(lineage),
        *_fetch(lineage.origin),
    ]
    lines = [f"{lineage.symbol} {lineage.seq}", *(f"  {name:<10}{text}" for name, text in facts), ""]
    return "\n".join([*lines, *_timeline(lineage)])


def _bar(lineage: Lineage) -> list[tuple[str, str]]:
    bar, now = lineage.bar, lineage.origin.now
    prices = ", ".join(f"{name} {price_to_text(getattr(bar, name))}" for name in ("open", "high", "low", "close"))
    made_up = " (synthetic)" if bar.synthetic else ""
    facts = [("bar", f"{bar.interval} {session_date(bar.time)}: {prices}, volume {bar.volume}{made_up}")]
    if now and now != bar:
        facts.append(("", "it has other values now"))
    return facts


def _fetch(origin: Origin) -> list[tuple[str, str]]:
    if origin.fetch is None:
        return [("fetch", " ".join(filter(None, (origin.fetch_id, f"({origin.why})"))))]
    fetch = origin.fetch
    asked = " ".join(f"{name}={value}" for name, value in fetch.request.parameters().items())
    # An import has asked nobody; its note says where its bars are from.
    what = asked if fetch.sent_at else fetch.note or asked
    events = [("event", f"{event.type}, SNS message {event.message_id}") for event in events_of(fetch)]
    return [("fetch", f"{fetch.id}, asked for by {fetch.requested_by}: {what}"), *events]


def _timeline(lineage: Lineage) -> list[str]:
    """Each moment, UTC, with the milliseconds since the one before it that is known."""
    fetch = lineage.origin.fetch
    moments = []
    if fetch:
        permits = [("permit", at) for at in fetch.sent_at]
        ends = [("stored", fetch.stored_at), ("published", fetch.published_at)]
        moments = [(name, Moment(at)) for name, at in [("queued", fetch.queued_at), *permits, *ends] if at]
    moments.append(("planned", Moment(lineage.planned_at)))
    moments += [(HOPS[stage], moment) for stage, moment in lineage.times.items()]
    lines, last = [], None
    for name, moment in moments:
        lines.append(f"  {name:<10}{_moment(moment, last)}")
        last = moment.at or last
    return lines


def _moment(moment: Moment, last: datetime | None) -> str:
    if moment.at is None:
        return moment.why
    text = f"{moment.at:%Y-%m-%d %H:%M:%S}.{moment.at.microsecond // 1000:03d}"
    return f"{text}  {to_ms(moment.at) - to_ms(last):>+12,} ms" if last else text
