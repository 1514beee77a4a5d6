"""A benchmark tells what went wrong while it measured, and takes no process that ended for a cheap one."""

import math
import mmap
import os
import subprocess
import sys
from pathlib import Path

import psutil

from benchmarks.engine.figures import judged, table
from benchmarks.engine.running import cpu_s, own_memory, restarts


def test_a_process_that_was_restarted_is_told() -> None:
    seen = iter([{"driver-1": 7, "receiver-1": 8, "beat": None}, {"driver-1": 9, "receiver-1": 8, "beat": None}])
    with restarts(lambda: next(seen)) as restarted:
        assert restarted == []
    assert restarted == ["driver-1"]


def test_what_a_process_used_that_has_ended_is_not_known() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = psutil.Process(child.pid)
        assert own_memory(process) > 0
        assert cpu_s({"one": process})["one"] >= 0
    assert math.isnan(own_memory(process))
    assert math.isnan(cpu_s({"one": process})["one"])


def test_pages_of_a_mapped_file_are_not_a_process_own_memory(tmp_path: Path) -> None:
    """The embedded table is such a file."""
    file, size = tmp_path / "table", 64 << 20
    file.write_bytes(b"x" * size)
    with mmap.mmap(os.open(file, os.O_RDONLY), size, access=mmap.ACCESS_READ) as mapped:
        this = psutil.Process()
        before = own_memory(this), this.memory_info().rss
        assert sum(mapped[at] for at in range(0, size, 4096)) > 0
        after = own_memory(this), this.memory_info().rss
    assert after[1] - before[1] > size / 2
    assert after[0] - before[0] < size / 4


def test_a_figure_of_which_one_run_is_not_known_reaches_no_goal() -> None:
    figure = judged("cost", [1.0, math.nan, 2.0], "µs", "≤ 3", lambda value: value <= 3)
    assert figure.met is False
    assert "unknown" in table("embedded", [figure])
    assert "MISSED" in table("embedded", [figure])
