"""Every part is asked at once; one that hangs holds up nobody."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.adapters.memory.probe import MemoryProbe
from pipeline.stages.probing import Probed, Probing


class Hanging:
    def __init__(self) -> None:
        self.let_go, self.asked = threading.Event(), 0

    def ask(self, timeout_s: float) -> str:
        self.asked += 1
        self.let_go.wait(20)
        return "at last"


class Broken:
    def ask(self, timeout_s: float) -> str:
        raise KeyError("redis://user:hunter2@host")


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    probe = Hanging()
    yield probe
    probe.let_go.set()


def test_each_part_says_how_it_is_and_how_long_that_took(hanging: Hanging) -> None:
    away = MemoryProbe()
    away.away = True
    probing = Probing({"a": MemoryProbe("has the topic"), "b": away, "c": hanging, "d": Broken()}, deadline_s=0.2)
    started = time.monotonic()
    found = probing.ask()
    assert 0.2 <= time.monotonic() - started < 2
    assert (found["a"].answers, found["a"].words) == (True, "has the topic")
    assert (found["b"].answers, found["b"].words) == (False, "does not answer")
    assert found["c"] == Probed(False, "no answer within 0.2 s", 200.0)
    assert (found["d"].answers, found["d"].words) == (False, "fails: KeyError")
    probing.close()


def test_a_part_that_hangs_is_asked_once_whoever_asks(hanging: Hanging) -> None:
    probing = Probing({"a": MemoryProbe(), "c": hanging}, deadline_s=0.2)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: probing.ask(), range(8)))
    assert hanging.asked == 1
    assert all(one["a"].answers and not one["c"].answers for one in found)
    hanging.let_go.set()
    deadline = time.monotonic() + 5
    while not probing.ask(["c"])["c"].answers:
        assert time.monotonic() < deadline
    probing.close()


def test_some_can_be_asked_alone(hanging: Hanging) -> None:
    probing = Probing({"a": MemoryProbe(), "c": hanging}, deadline_s=0.2)
    assert list(probing.ask(["a"])) == ["a"]
    assert hanging.asked == 0
    probing.close()
