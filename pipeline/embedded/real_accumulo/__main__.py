"""One part of a real Accumulo as a program: it waits for what the part needs, and becomes it by exec."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.embedded.jvm import JvmError
from pipeline.embedded.real_accumulo.asking import zookeeper_answers
from pipeline.embedded.real_accumulo.install import MANAGER, ZOOKEEPER, Installed, install
from pipeline.embedded.real_accumulo.layout import INIT_S, Layout

PATIENCE_S = 60.0
PAUSE_S = 0.2


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.embedded.real_accumulo", description="A real Accumulo.")
    parser.add_argument("part", help="zookeeper, manager, gc, or a tablet server: tserver-1, tserver-2 …")
    parser.add_argument("--directory", type=Path, required=True, help="the instance's data, kept over restarts")
    parser.add_argument("--port", type=int, required=True, help="the part's port, on loopback")
    parser.add_argument("--zookeeper-port", type=int, required=True, help="ZooKeeper's port, on loopback")
    options = parser.parse_args(argv)
    layout = Layout(options.directory.absolute())
    try:
        installed = install(lambda word: print(word, flush=True))
        layout.write(options.zookeeper_port)
        command = _ready_for(options.part, installed, layout, options.port, options.zookeeper_port)
    except JvmError as error:
        print(error, file=sys.stderr)
        return 1
    os.chdir(layout.directory)
    os.execv(installed.java.command, command)  # noqa: S606 - its supervisor is to have the part's own process
    return 1


def _ready_for(part: str, installed: Installed, layout: Layout, port: int, zookeeper_port: int) -> list[str]:
    """The part's command, once what it needs is there. The manager makes the instance. Raises JvmError."""
    if part == ZOOKEEPER:
        return installed.zookeeper(layout.zookeeper_properties)
    _wait(lambda: zookeeper_answers(zookeeper_port), "ZooKeeper does not answer", PATIENCE_S)
    if part == MANAGER:
        layout.initialise(installed)
    else:
        _wait(lambda: layout.initialised, "the manager did not make the instance", PATIENCE_S + INIT_S)
    return installed.part(part.partition("-")[0], layout.properties, port)


def _wait(there: Callable[[], bool], trouble: str, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not there():
        if time.monotonic() > deadline:
            raise JvmError(trouble)
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    sys.exit(main())
