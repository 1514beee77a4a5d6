"""A copy of the embedded table while another process writes into it."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.adapters.lmdb.table import LmdbTable, open_environment
from pipeline.adapters.lmdb.table_copy import copy_table
from pipeline.domain.errors import Unavailable
from pipeline.ports.table import KeyRange
from tests.support.servers import ROOT


def test_a_copy_has_whole_batches_to_some_moment_while_a_writer_goes_on(tmp_path: Path) -> None:
    source, target = tmp_path / "table", tmp_path / "copy"
    target.mkdir()
    command = [sys.executable, "-m", "tests.contract.lmdb_writer", str(source), "w", "100000"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            while int(writer.stdout.readline()) < 20:
                pass
            copy_table(source, target)
            assert writer.poll() is None
        finally:
            writer.kill()
    table = LmdbTable(open_environment(target, 1024), "ticks")
    try:
        rows = [cell.row for cell in table.scan(KeyRange())]
    finally:
        table.close()
    batches = len(set(rows))
    assert batches > 20
    assert rows == [b"w-%06d" % number for number in range(batches) for _ in range(500)]


def test_where_there_is_no_table_nothing_is_copied(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        copy_table(tmp_path / "none", tmp_path)
