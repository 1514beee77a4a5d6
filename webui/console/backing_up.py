"""`manage.py backup`: MongoDB, the embedded table and Django's SQLite in one file (`archive.py`).

A system may run meanwhile, so the table is copied before MongoDB: each of its batches is in the plan then, and no epoch is newer.
Only of a system that is down is everything of one moment.
"""

import argparse
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings as django_settings

from pipeline import bootstrap
from pipeline.domain.errors import TickerlineError
from pipeline.domain.times import rfc3339
from pipeline.settings import Settings, data_dir, load
from webui.console.archive import DJANGO, TABLE, Writer, writing
from webui.console.at_rest import at_rest, with_mongodb
from webui.console.errors import ConsoleError
from webui.console.following import runs
from webui.console.place import Place

PG_DUMP = "Django's database is PostgreSQL and is not in the archive: use pg_dump and pg_restore"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", type=Path, help="the file to write, or a directory for one named after source and time"
    )


def run(target: Path) -> int:
    """Returns the exit code."""
    place = Place(data_dir())
    try:
        if runs():
            path, told = backup(target, load(), sqlite_file())
        else:
            with at_rest(place):
                place.check_whole()
                with with_mongodb(place) as settings:
                    path, told = backup(target, settings, sqlite_file())
    except (TickerlineError, OSError, sqlite3.Error) as error:
        print(f"backup: {error}", file=sys.stderr)
        return 1
    for line in told:
        print(line)
    print(f"backup: {path}")
    return 0


def sqlite_file() -> Path | None:
    """Where Django's database is; None: in PostgreSQL."""
    database = django_settings.DATABASES["default"]
    return Path(database["NAME"]) if database["ENGINE"].endswith("sqlite3") else None


def backup(target: Path, settings: Settings, django: Path | None) -> tuple[Path, list[str]]:
    """Returns the archive's path and what is to be said about it. Raises ConsoleError, Unavailable, OSError."""
    now = datetime.now(UTC)
    path = target / f"tickerline-{settings.source}-{now:%Y%m%dT%H%M%SZ}.tar.gz" if target.is_dir() else target
    if path.exists():
        raise ConsoleError(f"{path}: exists; it is not written over")
    if not path.parent.is_dir():
        raise ConsoleError(f"{path.parent}: there is no such directory")
    told: list[str] = []
    with writing(path) as (archive, staging):
        _add_table(archive, staging, settings, told)
        database = bootstrap.database_copy(settings)
        for name in database.collections():
            told.append(f"{name}: {archive.add_documents(name, database.documents(name))} documents")
        _add_django(archive, staging, django, told)
        if not archive.entries:
            raise ConsoleError("there is nothing to back up")
        archive.finish(settings.source, settings.database, rfc3339(now))
    return path, told


def _add_table(archive: Writer, staging: Path, settings: Settings, told: list[str]) -> None:
    if settings.accumulo:  # one that is embedded may lie here from before
        told.append("no table: it is Accumulo's, and empty of what matters when the stream is paused and drained")
        return
    if not (settings.table_dir / "data.mdb").exists():
        told.append(f"no table: there is none in {settings.table_dir}; it is on the receiver's host")
        return
    bootstrap.copy_table(settings, staging)
    copied = staging / "data.mdb"
    told.append(f"table: {copied.stat().st_size} bytes")
    archive.add_file(TABLE, copied)
    copied.unlink()


def _add_django(archive: Writer, staging: Path, django: Path | None, told: list[str]) -> None:
    if django is None:
        told.append(PG_DUMP)
    elif django.exists():
        copied = staging / "django"
        with closing(sqlite3.connect(django)) as source, closing(sqlite3.connect(copied)) as target:
            source.backup(target)
        told.append(f"Django's database: {copied.stat().st_size} bytes")
        archive.add_file(DJANGO, copied)
        copied.unlink()
