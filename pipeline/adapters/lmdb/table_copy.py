"""A copy of the embedded table's directory, consistent while receivers go on writing. Only their host can make it."""

from pathlib import Path

import lmdb

from pipeline.domain.errors import Unavailable

FILE = "data.mdb"


def copy_table(source: Path, target: Path) -> None:
    """Copy into the empty directory `target` all that is committed in `source`, without its unused pages. Raises Unavailable."""
    try:
        with lmdb.open(str(source), readonly=True, create=False, lib_version=0) as environment:
            environment.copy(str(target), compact=True)
    except lmdb.Error as error:
        raise Unavailable(f"table {source}: {type(error).__name__}") from error
