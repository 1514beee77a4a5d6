"""Which tables an environment has, and with which settings they were created.

A record is JSON: the settings, the layout (`keys.py`), and an id by which a table is told from a later one of the same name. The
database of a deleted table stays, empty: LMDB would give its handle, which others may hold, to the next table that is opened.
"""

import json
from dataclasses import asdict
from uuid import uuid4

from pipeline.adapters.lmdb.environment import Environment, Handle, Transaction
from pipeline.adapters.lmdb.keys import LAYOUT
from pipeline.ports.table import TableDiffers, TableMissing, TableSettings


def register(
    environment: Environment, transaction: Transaction, name: str, asked: TableSettings
) -> tuple[Handle, bytes, TableSettings]:
    """The table's handle, record and settings; made if there is none. Raises TableDiffers."""
    handle = environment.handle(transaction, name)
    record = transaction.get(name.encode(), db=environment.registry)
    if record is None:
        if transaction.stat(handle)["entries"]:
            raise TableDiffers(f"table {name}: its layout is that of an earlier version; delete the directory to go on")
        record = _record(asked)
        transaction.put(name.encode(), record, db=environment.registry)
    settings = _settings(name, record)
    settings.check(name, asked)
    return handle, record, settings


def find(environment: Environment, transaction: Transaction, name: str) -> Handle:
    """Raises TableMissing."""
    if transaction.get(name.encode(), db=environment.registry) is None:
        raise TableMissing(f"there is no table {name}")
    return environment.handle(transaction, name)


def drop(environment: Environment, transaction: Transaction, name: str) -> None:
    """Raises TableMissing."""
    handle = find(environment, transaction, name)
    transaction.drop(handle, delete=False)
    transaction.delete(name.encode(), db=environment.registry)


def names(environment: Environment, transaction: Transaction) -> list[str]:
    return [name.decode() for name in transaction.cursor(environment.registry).iternext(values=False)]


def _record(settings: TableSettings) -> bytes:
    splits = [split.hex() for split in settings.splits]
    return json.dumps({**asdict(settings), "splits": splits, "layout": LAYOUT, "id": uuid4().hex}).encode()


def _settings(name: str, record: bytes) -> TableSettings:
    found = json.loads(record)
    if found["layout"] != LAYOUT:
        raise TableDiffers(f"table {name}: its layout is {found['layout']}, not {LAYOUT}")
    splits = tuple(bytes.fromhex(split) for split in found["splits"])
    return TableSettings(found["max_versions"], found["age_off_ms"], splits)
