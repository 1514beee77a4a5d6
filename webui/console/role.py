"""One process of the system in a container of its own: `python -m webui.console.role driver 2`.

1. The program is the one that `up` supervises under this name: `processes.py` has the only list.
2. How its health is asked is noted, for `webui/console/healthy.py`, which the container's engine runs every few seconds.
3. This process becomes the program, by exec: the engine's signals reach it, and its end is the container's.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.domain.errors import TickerlineError
from pipeline.settings import read_values
from webui.console.healthy import NOTE
from webui.console.processes import FIXED_PORTS, ROLES, Program, fixed_ports, process

# Each container has all ports for itself, so a role has the same one in every container.
OWN_PORTS = {"ingest": 8003, "monitor": 8004, "beat": 0}


def program(role: str, number: int) -> Program:
    """Raises SettingsError."""
    values = read_values()
    port = getattr(fixed_ports(values), role) if role in FIXED_PORTS else OWN_PORTS[role]
    return process(role, number, port, values)


def note(chosen: Program, path: Path = NOTE) -> None:
    path.write_text(json.dumps({"check": chosen.check, "url": chosen.health_url}))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m webui.console.role", description="Become one process of the system."
    )
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("number", type=int, nargs="?", default=1, help="tells the workers of a role apart (1)")
    options = parser.parse_args(argv)
    try:
        chosen = program(options.role, options.number)
    except TickerlineError as error:
        print(f"{options.role}: {error}", file=sys.stderr)
        return 1
    note(chosen)
    os.execvpe(chosen.command[0], chosen.command, os.environ | dict(chosen.environment))  # noqa: S606 - the project's own


if __name__ == "__main__":
    sys.exit(main())
