"""`manage.py verify [--seconds N] [--from-start] [--json]`: prove that no tick is lost, doubled or altered.

1. Read the ticks back from Kafka, as any consumer does (committed ones alone).
2. Make each again from the session's plan and seed, and compare bytes and order.
3. At the end, or at Ctrl-C, print the counts.

Exit codes: 0 when every tick came once and in its place; 1 when not, when none came, or when a server does not answer.
"""

import argparse
import json
import signal
import sys
import time
from types import FrameType

from pipeline import bootstrap
from pipeline.domain.errors import TickerlineError, Unavailable
from pipeline.stages.verify import Verdict, Verify

_TOLD_EVERY_S = 5.0
_AWAY_S = 60.0  # a server that does not answer for so long ends it
WORDS = {
    "verified": "ticks are byte for byte what plan and seed give",
    "late": "of them came after later ones",
    "lost": "never came",
    "repeated": "came again",
    "foreign": "are not in the plan",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, metavar="N", help="stop by itself; default: at Ctrl-C")
    parser.add_argument("--from-start", action="store_true", help="all that the topic has, not what comes from now on")
    parser.add_argument("--json", action="store_true", help="the counts as one JSON object")


class _Ending:
    """Ctrl-C, or SIGTERM."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


def run(seconds: float | None, from_start: bool, as_json: bool) -> int:
    ending = _Ending()
    try:
        settings = bootstrap.load_settings()
        verify = Verify(bootstrap.plan_store(settings), bootstrap.tick_feed(settings, from_start))
        _follow(verify, seconds, ending)
    except TickerlineError as error:
        print(f"verify: {error}", file=sys.stderr)
        return 1
    verdict = verify.verdict()
    print(json.dumps(verdict.to_dict()) if as_json else report(verdict, settings.kafka.embedded))
    return 0 if verdict.clean and verdict.verified else 1


def _follow(verify: Verify, seconds: float | None, ending: _Ending) -> None:
    start = told = answered = time.monotonic()
    while not ending.asked and (seconds is None or time.monotonic() - start < seconds):
        try:
            verify.step(0.2)
            answered = time.monotonic()
        except Unavailable:
            if time.monotonic() - answered > _AWAY_S:
                raise
            time.sleep(0.5)
        if time.monotonic() - told >= _TOLD_EVERY_S:
            told = time.monotonic()
            print(", ".join(f"{count} {name}" for name, count in verify.verdict().to_dict().items()), file=sys.stderr)


def report(verdict: Verdict, embedded: bool) -> str:
    counts = verdict.to_dict()
    width = max(len(f"{count:,}") for count in counts.values())
    lines = [f"{counts[name]:>{width},} {words}" for name, words in WORDS.items()]
    if verdict.repeated and embedded:
        lines.append(
            "The embedded broker hides no aborted transaction: what a killed receiver left is seen again there."
        )
    return "\n".join(lines)
