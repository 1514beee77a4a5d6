"""A real Accumulo for tests and benchmarks, and the archives of classes with which its parts start sooner."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.embedded import jvm
from pipeline.embedded.jvm import Say
from pipeline.embedded.real_accumulo.cluster import Part, RealAccumulo
from pipeline.embedded.real_accumulo.install import NAME, PARTS, Installed, install

__all__ = ["Part", "RealAccumulo", "prepare", "real_accumulo"]


def prepare(say: Say) -> Installed:
    """Everything that takes long and is done once. Raises JvmError, which says what is missing."""
    installed = install(say)
    mark = jvm.archive_path(NAME, installed.java, PARTS[-1])
    if not mark.exists():
        with jvm.locked(mark.parent):
            if not mark.exists():
                say("making the archives of Accumulo's classes, once (about a minute)")
                _make_archives(installed)
    return installed


def _make_archives(installed: Installed) -> None:
    """Run an instance whose parts note the classes that they load until they answer, and write them down at their ends."""
    directory = jvm.jars_of(NAME).with_name("draft-archives")
    directory.mkdir(mode=0o700)
    servers = RealAccumulo(directory / "instance", replace(installed, record=directory))
    try:
        servers.start()
        servers.stop()
        for part in PARTS:  # one that could not be written is done without
            if (directory / part).exists():
                (directory / part).replace(jvm.archive_path(NAME, installed.java, part))
    finally:
        servers.kill()
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def real_accumulo(directory: Path, tablet_servers: int = 1, say: Say = print) -> Iterator[RealAccumulo]:
    """An instance whose parts answer, with its data in `directory`; killed at the end. Raises JvmError."""
    servers = RealAccumulo(directory, prepare(say), tablet_servers)
    try:
        servers.start()
        yield servers
    finally:
        servers.kill()
