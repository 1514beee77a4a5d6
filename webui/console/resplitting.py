"""`manage.py resplit`: more tablets for more shards, while the old number still runs; docs/scale.md has the whole procedure.

Exit code 0, also when nothing was missing; 1 when there is no real Accumulo, or it does not answer.
"""

import sys

from pipeline import bootstrap
from pipeline.domain.errors import TickerlineError


def run() -> int:
    try:
        settings = bootstrap.load_settings()
        added = bootstrap.resplit(settings)
    except TickerlineError as error:
        print(f"resplit: {error}", file=sys.stderr)
        return 1
    print(f"{added} splits added, for {settings.ticks.shards} shards")
    return 0
