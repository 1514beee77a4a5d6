"""Continuous work in a worker: it goes on after what can pass, and ends its process at what cannot."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import psutil
import pytest

from pipeline.domain.errors import Unavailable
from pipeline.stages.meter import Meter
from tests.support.servers import ROOT, wait_until
from workers.steps import loop as loop_module
from workers.steps.loop import EXIT_BROKEN, EXIT_NO_PROGRESS, Loop, end_all

Start = Callable[[Callable[[], float | None]], Loop]


@pytest.fixture
def meter() -> Meter:
    return Meter("tick")


@pytest.fixture
def start(meter: Meter) -> Iterator[Start]:
    loops: list[Loop] = []

    def start_loop(step: Callable[[], float | None]) -> Loop:
        loops.append(Loop("tick", step, meter))
        loops[-1].start()
        return loops[-1]

    yield start_loop
    for loop in loops:
        end_all([loop])


def test_a_step_is_called_again_and_again_until_the_end(start: Start) -> None:
    calls: list[int] = []

    def step() -> float:
        calls.append(1)
        return 0.001

    loop = start(step)
    wait_until(lambda: len(calls) > 5, "some steps")
    end_all([loop])
    assert not loop.is_alive()


def test_what_arrives_is_not_waited_for(meter: Meter) -> None:
    arrived, steps = threading.Event(), threading.Semaphore(0)

    def step() -> float:
        steps.release()
        return 3600

    loop = Loop("forward", step, meter, arrived=arrived)
    loop.start()
    for _ in range(3):
        assert steps.acquire(timeout=10)
        arrived.set()
    end_all([loop])
    assert not loop.is_alive()


def test_an_error_that_can_pass_is_shown_and_the_step_tried_again(start: Start, meter: Meter) -> None:
    seen: list[str] = []

    def step() -> float:
        if not seen:
            seen.append("failed")
            raise Unavailable("Redis: ConnectionError")
        seen.append(f"{meter.report().health}: {meter.report().message}")
        meter.ok()
        return 60

    start(step)
    wait_until(lambda: len(seen) > 1, "the second try")
    assert seen[1] == "failing: Redis: ConnectionError"
    wait_until(lambda: meter.report().health == "ok", "it is well again")


def test_the_end_does_not_wait_for_the_next_step(start: Start) -> None:
    stepped = threading.Event()

    def step() -> float:
        stepped.set()
        return 3600

    loop = start(step)
    assert stepped.wait(10)
    end_all([loop])
    assert not loop.is_alive()


def test_all_loops_are_told_to_end_before_any_is_waited_for(start: Start) -> None:
    """Each holds its step until the other was told: one after another would take the whole time given, and fail."""
    loops: list[Loop] = []
    inside = threading.Barrier(3)

    def step() -> float:
        inside.wait(10)
        wait_until(lambda: all(loop.ending for loop in loops), "both are told")
        return 3600

    loops += [start(step), start(step)]
    inside.wait(10)
    end_all(loops)
    assert not any(loop.is_alive() for loop in loops)


@pytest.mark.parametrize("error", [None, Unavailable("Redis is away")])
def test_what_it_holds_is_given_back_after_the_last_step(meter: Meter, error: Exception | None) -> None:
    order: list[str] = []

    def step() -> float:
        order.append("step")
        return 3600

    def give_back() -> None:
        order.append("given back")
        if error:
            raise error

    loop = Loop("tick", step, meter, at_end=give_back)
    loop.start()
    wait_until(lambda: bool(order), "a step")
    end_all([loop])
    assert order == ["step", "given back"]


class Now:
    """A clock for loops; `readings` counts how often it was read: once when a loop is made, once after each step."""

    def __init__(self) -> None:
        self.seconds, self.readings = 1000.0, 0

    def monotonic(self) -> float:
        seconds = self.seconds
        self.readings += 1
        return seconds


class TestStalled:
    @pytest.fixture
    def now(self, monkeypatch: pytest.MonkeyPatch) -> Now:
        now = Now()
        monkeypatch.setattr(loop_module, "time", now)
        return now

    @pytest.fixture
    def stuck(self, now: Now, meter: Meter) -> Iterator[Callable[..., Loop]]:
        """Makes loops that are in their second step, and stay there."""
        release = threading.Event()
        loops: list[Loop] = []

        def make(**options: float) -> Loop:
            steps = iter([0.0])

            def step() -> float:
                for wait in steps:
                    return wait
                release.wait(60)
                return 3600

            loops.append(Loop("tick", step, meter, **options))  # type: ignore[arg-type]
            loops[-1].start()
            wait_until(lambda: now.readings == 2, "the first step has ended")
            return loops[-1]

        yield make
        release.set()
        for loop in loops:
            end_all([loop])

    def test_a_first_step_may_take_a_minute_more(self, now: Now, meter: Meter) -> None:
        loop = Loop("tick", lambda: None, meter)
        now.seconds += 70
        assert not loop.stalled()
        now.seconds += 1
        assert loop.stalled()

    def test_a_loop_is_stalled_when_no_step_ends_for_ten_seconds(self, now: Now, stuck: Callable[..., Loop]) -> None:
        loop = stuck()
        now.seconds += 10
        assert not loop.stalled()
        now.seconds += 1
        assert loop.stalled()

    def test_a_loop_whose_steps_may_take_longer_says_so(self, now: Now, stuck: Callable[..., Loop]) -> None:
        loop = stuck(longest_step_s=40.0)
        now.seconds += 40
        assert not loop.stalled()
        now.seconds += 1
        assert loop.stalled()

    def test_the_wait_that_a_step_asked_for_is_no_stall(self, now: Now, start: Start) -> None:
        loop = start(lambda: 30.0)
        wait_until(lambda: now.readings == 2, "the first step has ended")
        now.seconds += 40
        assert not loop.stalled()
        now.seconds += 1
        assert loop.stalled()

    def test_a_loop_that_has_ended_is_not_stalled(self, now: Now, start: Start) -> None:
        loop = start(lambda: 3600.0)
        end_all([loop])
        now.seconds += 100_000
        assert not loop.stalled()


def run(code: str) -> "subprocess.CompletedProcess[str]":
    program = (
        "import logging, time\n"
        "from pipeline.stages.meter import Meter\n"
        "from workers.steps import loop\n"
        "from workers.steps.loop import Loop, end_if_stalled\n"
        "logging.basicConfig(level='INFO')\n" + code
    )
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_an_error_that_nobody_foresaw_ends_the_process_with_its_traceback() -> None:
    done = run("Loop('tick', lambda: 1 / 0, Meter('tick')).start()\ntime.sleep(50)")
    assert done.returncode == EXIT_BROKEN
    assert "tick broke; the process ends" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_a_loop_that_makes_no_progress_ends_its_process() -> None:
    done = run(
        "loop.START_UP_S = 0.0\n"
        "stuck = Loop('tick', lambda: time.sleep(50), Meter('tick'), longest_step_s=0.2)\n"
        "well = Loop('listen', lambda: 0.01, Meter('listen'))\n"
        "for one in (well, stuck): one.start()\n"
        "while True:\n"
        "    end_if_stalled([well, stuck])\n"
        "    time.sleep(0.02)\n"
    )
    assert done.returncode == EXIT_NO_PROGRESS
    assert "tick made no progress for 0 s; the process ends" in done.stderr


def test_a_process_whose_supervisor_was_killed_ends_by_itself() -> None:
    worker = """
import os, time
from pipeline.stages.meter import Meter
from workers.steps.loop import Loop, end_if_orphan
parent = os.getppid()
Loop("watchdog", lambda: end_if_orphan(parent) or 0.02, Meter("watchdog")).start()
print(os.getpid(), flush=True)
time.sleep(60)
"""
    supervisor = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    with subprocess.Popen([sys.executable, "-c", supervisor, worker], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        orphan = int(process.stdout.readline())
        assert psutil.pid_exists(orphan)
        process.kill()
        wait_until(lambda: not psutil.pid_exists(orphan), "the orphan has ended", 10)
