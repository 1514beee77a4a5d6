"""`manage.py restore`: what `backup` has written, brought back into a system that does not run.

1. The whole archive is unpacked beside the data and checked, and the target is looked at: so far nothing has changed.
2. MongoDB's documents are put beside those in use, and counted.
3. Everything is exchanged, under a mark in the data directory. While the mark is there `up` refuses to start; running the command
   again does all of it again.
"""

import argparse
import contextlib
import os
import shutil
import sqlite3
import sys
from pathlib import Path

from pipeline import bootstrap
from pipeline.domain.errors import TickerlineError
from pipeline.ports.database_copy import DatabaseCopy
from pipeline.settings import Settings, data_dir
from webui.console.archive import DJANGO, TABLE, Manifest, documents, unpack
from webui.console.at_rest import at_rest, with_mongodb
from webui.console.backing_up import PG_DUMP, sqlite_file
from webui.console.errors import ConsoleError
from webui.console.place import Place

REDIS_STALE = "Redis is not embedded and still has what was queued and confirmed before: empty it before the next start"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("archive", type=Path, help="what `backup` has written")
    parser.add_argument("--replace", action="store_true", help="delete what is there now")


def run(archive: Path, replace: bool) -> int:
    """Returns the exit code."""
    place = Place(data_dir())
    try:
        with at_rest(place), with_mongodb(place) as settings:
            told = restore(archive, replace, place, settings, sqlite_file())
    except (TickerlineError, OSError, sqlite3.Error) as error:
        print(f"restore: {error}", file=sys.stderr)
        if place.restoring.exists():
            print("restore: interrupted while it exchanged; run it again with --replace", file=sys.stderr)
        return 1
    for line in told:
        print(line)
    print("restore: done; `manage.py up` starts the system")
    return 0


def restore(archive: Path, replace: bool, place: Place, settings: Settings, django: Path | None) -> list[str]:
    """Returns what is to be said. Raises ConsoleError and Unavailable."""
    unpacked = place.restore / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir(mode=0o700, parents=True)
    database = bootstrap.database_copy(settings)
    try:
        manifest = unpack(archive, unpacked)
        if manifest.source != settings.source:
            raise ConsoleError(
                f"{archive}: holds data of the source {manifest.source!r}, and this system's is {settings.source!r}; "
                "nothing was changed; TICKERLINE_SOURCE chooses the source"
            )
        if not replace:
            _refuse_others(database, settings, manifest, django)
        _stage(database, manifest, unpacked)
        place.restoring.touch(mode=0o600)
        told = _exchange(database, manifest, unpacked, place, settings, django)
        place.restoring.unlink()
        return told
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
        if not place.restoring.exists():
            place.restore.rmdir()
            with contextlib.suppress(TickerlineError):  # it is away: what is staged there harms nobody
                database.discard()


def _refuse_others(database: DatabaseCopy, settings: Settings, manifest: Manifest, django: Path | None) -> None:
    found = []
    if not database.is_empty():
        found.append(f"MongoDB's database {settings.database}")
    if settings.table_dir.exists():
        found.append(str(settings.table_dir))
    if manifest.has(DJANGO) and django is not None and django.exists():
        found.append(str(django))
    if found:
        raise ConsoleError(f"there is data already: {', '.join(found)}; --replace deletes it")


def _stage(database: DatabaseCopy, manifest: Manifest, unpacked: Path) -> None:
    for name, file in manifest.collections.items():
        staged = database.stage(name, documents(unpacked / file.name))
        if staged != file.documents:
            raise ConsoleError(
                f"{name}: {staged} documents are staged, {file.documents} are in the archive; nothing was changed"
            )


def _exchange(
    database: DatabaseCopy, manifest: Manifest, unpacked: Path, place: Place, settings: Settings, django: Path | None
) -> list[str]:
    told = [f"{name}: {file.documents} documents" for name, file in manifest.collections.items()]
    database.swap(list(manifest.collections))
    bootstrap.prepare_stores(settings, patiently=True)
    shutil.rmtree(
        settings.table_dir, ignore_errors=True
    )  # also without one in the archive: its epochs are of other plans
    if manifest.has(TABLE):
        (unpacked / TABLE).parent.replace(settings.table_dir)
        told.append("table: in place")
    if manifest.has(DJANGO) and django is not None:
        for beside in ("-wal", "-shm"):  # SQLite would apply an old log to the new file
            django.with_name(django.name + beside).unlink(missing_ok=True)
        shutil.move(unpacked / DJANGO, django)
        told.append("Django's database: in place")
    elif django is None:
        told.append(PG_DUMP)
    # What it has queued and confirmed is of data that is gone. It is never the only place of a fact.
    if os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE"):
        told.append(REDIS_STALE)
    else:
        shutil.rmtree(place.data / "redis", ignore_errors=True)
    return told
