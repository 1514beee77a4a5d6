"""A benchmark tells what went wrong while it measured, and takes no process that ended for a cheap one."""

import math
import subprocess
import sys

import psutil

from benchmarks.engine.figures import judged, table
from benchmarks.engine.running import cpu_s, resident, restarts


def test_a_process_that_was_restarted_is_told() -> None:
    seen = iter([{"driver-1": 7, "receiver-1": 8, "beat": None}, {"driver-1": 9, "receiver-1": 8, "beat": None}])
    with restarts(lambda: next(seen)) as restarted:
        assert restarted == []
    assert restarted == ["driver-1"]


def test_what_a_process_used_that_has_ended_is_not_known() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = psutil.Process(child.pid)
        assert resident(process) > 0
        assert cpu_s({"one": process})["one"] >= 0
    assert math.isnan(resident(process))
    assert math.isnan(cpu_s({"one": process})["one"])


def test_a_figure_of_which_one_run_is_not_known_reaches_no_goal() -> None:
    figure = judged("cost", [1.0, math.nan, 2.0], "µs", "≤ 3", lambda value: value <= 3)
    assert figure.met is False
    assert "unknown" in table("embedded", [figure])
    assert "MISSED" in table("embedded", [figure])
