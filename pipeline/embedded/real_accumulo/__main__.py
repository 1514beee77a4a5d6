"""One part of a real Accumulo as a program: it waits for what the part needs, and becomes it by exec.

On this machine by default, all on loopback; with `--host` and `--zookeeper-host` each on a host, or in a container, of its own.
The directory is one for all of them.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.embedded.jvm import HOST, JvmError
from pipeline.embedded.real_accumulo.asking import answers, zookeeper_answers
from pipeline.embedded.real_accumulo.install import MANAGER, ZOOKEEPER, Installed, install
from pipeline.embedded.real_accumulo.layout import INIT_S, Layout

PATIENCE_S = 60.0
PAUSE_S = 0.2


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.embedded.real_accumulo", description="A real Accumulo.")
    parser.add_argument("part", help="zookeeper, manager, gc, or a tablet server: tserver-1, tserver-2 …")
    parser.add_argument("--directory", type=Path, required=True, help="the instance's data, kept over restarts")
    parser.add_argument("--port", type=int, required=True, help="the part's port")
    parser.add_argument("--host", default=HOST, help="where it listens, and by which the others know it (loopback)")
    parser.add_argument("--zookeeper-port", type=int, required=True, help="ZooKeeper's port")
    parser.add_argument("--zookeeper-host", default=HOST, help="ZooKeeper's host (loopback)")
    parser.add_argument("--password-file", type=Path, help="default: one that is made in the directory")
    parser.add_argument("--ask", action="store_true", help="start nothing: exit code 0 when the part answers, else 1")
    options = parser.parse_args(argv)
    if options.ask:
        return 0 if answers(options.part, options.port, host=options.host) else 1
    layout = Layout(options.directory.absolute(), options.zookeeper_host, options.password_file)
    try:
        installed = install(lambda word: print(word, flush=True))
        layout.write(options.zookeeper_port)
        command = _ready_for(options, installed, layout)
    except JvmError as error:
        print(error, file=sys.stderr)
        return 1
    os.chdir(layout.directory)
    os.execv(installed.java.command, command)  # noqa: S606 - its supervisor is to have the part's own process
    return 1


def _ready_for(options: argparse.Namespace, installed: Installed, layout: Layout) -> list[str]:
    """The part's command, once what it needs is there. The manager makes the instance. Raises JvmError."""
    part = options.part
    if part == ZOOKEEPER:
        return installed.zookeeper(layout.zookeeper_properties)
    at = options.zookeeper_port, 2.0, options.zookeeper_host
    _wait(lambda: zookeeper_answers(*at), "ZooKeeper does not answer", PATIENCE_S)
    if part == MANAGER:
        layout.initialise(installed)
    else:
        _wait(lambda: layout.initialised, "the manager did not make the instance", PATIENCE_S + INIT_S)
    return installed.part(part.partition("-")[0], layout.properties, options.port, options.host)


def _wait(there: Callable[[], bool], trouble: str, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not there():
        if time.monotonic() > deadline:
            raise JvmError(trouble)
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    sys.exit(main())
