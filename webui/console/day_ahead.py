"""`manage.py plan [--json]`: what is asked of Alpha Vantage in the next 24 hours, what does not fit, and why.

Exit code 0, also when something does not fit; 1 when the stores do not answer.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime

from pipeline import bootstrap
from pipeline.domain.bars import EASTERN
from pipeline.domain.errors import TickerlineError, Unavailable
from pipeline.domain.planner import DayPlan
from pipeline.domain.quota import Plan, Usage, day_end
from webui.api.quota import told

PLANNED, LEFT_OUT = ("when, in New York", "symbol", "why"), ("does not fit", "not before", "why")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def run(as_json: bool) -> int:
    try:
        planning = bootstrap.planning(bootstrap.load_settings())
        usage, day = planning.usage(), planning.day()
    except Unavailable as error:
        print(f"plan: {error}; is the system running? `manage.py up` starts it", file=sys.stderr)
        return 1
    except TickerlineError as error:
        print(f"plan: {error}", file=sys.stderr)
        return 1
    plan, reserve = planning.plan, planning.reserve
    print(json.dumps(told(usage, day, plan, reserve), indent=2) if as_json else report(usage, day, plan, reserve))
    return 0


def report(usage: Usage, day: DayPlan, plan: Plan, reserve: int) -> str:
    """The day ahead as people read it."""
    parts = ["\n".join(_quota(usage, plan, reserve))]
    if day.planned:
        parts.append(_table(PLANNED, [(_eastern(one.at), one.symbol, one.why) for one in day.planned]))
    if day.left_out:
        rows = [(one.symbol, _eastern(one.until) if one.until else "", one.why) for one in day.left_out]
        parts.append(_table(LEFT_OUT, rows))
    parts.append(f"{len(day.planned)} planned, {len(day.left_out)} not, {day.fresh} need nothing in these 24 hours")
    return "\n\n".join(parts)


def _quota(usage: Usage, plan: Plan, reserve: int) -> Iterator[str]:
    limits = [f"{window.limit} a {window.name}" for window in plan.windows if window.limit > 1]
    if plan.per_day is not None:
        limits.insert(0, f"{plan.per_day} a day, {reserve} of them kept for what people ask for")
    yield f"plan {plan.name}: {'; '.join(limits) or 'no limits'}"
    yield f"used on {usage.day}: {usage.used}, {usage.by_hand} of them by hand; the day ends {_eastern(day_end(usage.at))}"
    if usage.closed:
        yield "Alpha Vantage says that the day's requests are used"
    if usage.paused_until:
        yield f"Alpha Vantage asked for slower requests: none before {_eastern(usage.paused_until)}"


def _eastern(moment: datetime) -> str:
    return f"{moment.astimezone(EASTERN):%a %Y-%m-%d %H:%M:%S}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join(line.rstrip() for line in lines)
