"""The tables of the receivers: of a real Accumulo, or the embedded ones."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.domain.batches import shard_rows
from pipeline.domain.errors import SettingsError
from pipeline.ports.table import Table, TableSettings
from pipeline.settings import Settings
from pipeline.settings.accumulo import AccumuloSettings

if TYPE_CHECKING:
    from pipeline.adapters.accumulo import AccumuloTables

TABLES = ("ticks", "shards")


@lru_cache(maxsize=4)
def table(settings: Settings, name: str) -> Table:
    """Of a real Accumulo, one tablet a shard, or the embedded one. Raises Unavailable, TableDiffers, SettingsError."""
    if settings.accumulo:
        return _accumulo(settings.accumulo).open(name, TableSettings(splits=_splits(settings)))
    from pipeline.adapters.lmdb.table import LmdbTable, open_environment

    return LmdbTable(open_environment(settings.table_dir, settings.table_mb), name)


def resplit(settings: Settings) -> int:
    """Give the tables of a real Accumulo the splits that the number of shards asks for; what is there stays.

    Returns how many were missing. Raises SettingsError where the table is the embedded one, Unavailable, TableMissing.
    """
    if settings.accumulo is None:
        raise SettingsError("ACCUMULO_INSTANCE: not set, and the embedded table has no splits")
    tables = _accumulo(settings.accumulo)
    return sum(tables.add_splits(name, _splits(settings)) for name in TABLES)


def copy_table(settings: Settings, target: Path) -> None:
    """Copy the embedded table of this host into the empty directory `target`. Raises Unavailable."""
    from pipeline.adapters.lmdb.table_copy import copy_table as copy

    copy(settings.table_dir, target)


def _splits(settings: Settings) -> tuple[bytes, ...]:
    """A tablet ends with the last row that its shard can have: what ages off touches no other shard's."""
    return tuple(shard_rows(shard)[1] for shard in range(settings.ticks.shards - 1))


@lru_cache(maxsize=1)
def _accumulo(accumulo: AccumuloSettings) -> "AccumuloTables":
    if accumulo.jars is None:
        raise SettingsError("ACCUMULO_JARS: needed with ACCUMULO_INSTANCE in a process that `up` did not start")
    from pipeline.adapters.accumulo import AccumuloTables

    return AccumuloTables(accumulo.instance, accumulo.zookeepers, accumulo.user, accumulo.password, accumulo.jars)
