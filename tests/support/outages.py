"""Servers and workers that are gone for a while, what comes out of Kafka meanwhile, and what the status says of it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from pipeline.adapters.kafka.tick_feed import KafkaTickFeed
from pipeline.domain.errors import Unavailable
from tests.support.rounds import SHARDS, living, stopped
from tests.support.servers import wait_until
from tests.support.system import System
from webui.console.place import Place
from webui.console.supervision import Supervisor

_TOLD_S = 15.0
_AGAIN_S = 60.0
_WELL_S = 120.0


class Hand(Supervisor):
    """A person's hand at supervisord."""

    def stop(self, name: str) -> None:
        """Begin to."""
        self._call("supervisor.stopProcess", self._full(name), False)

    def start(self, name: str) -> None:
        self._call("supervisor.startProcess", self._full(name), False)

    def _full(self, name: str) -> str:
        infos = self._call("supervisor.getAllProcessInfo")
        return next(f"{info['group']}:{name}" for info in infos if info["name"] == name)


@contextmanager
def told_to_stop(system: System, names: Sequence[str]) -> Iterator[None]:
    hand = Hand(Place(system.data))
    try:
        for name in names:
            hand.stop(name)
        yield
    finally:
        for name in names:
            hand.start(name)


@contextmanager
def frozen(system: System, name: str) -> Iterator[None]:
    with stopped(system, [name]):
        yield


@contextmanager
def killed(system: System, name: str) -> Iterator[None]:
    """kill -9, and kept from coming back. Its supervisor is told while it can't end in order."""
    pid = living(system, [name])[name]
    os.kill(pid, signal.SIGSTOP)
    with told_to_stop(system, [name]):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not living(system, [name]), f"{name} is dead")
        yield


Gone = Callable[[System, str], AbstractContextManager[None]]


class Pulse:
    """Reads the ticks as any consumer does, from now on, and notes when each shard's came."""

    def __init__(self, system: System) -> None:
        kafka = system.status()["servers"]["kafka"]
        self._feed = KafkaTickFeed(
            kafka["bootstrap_servers"], kafka["topic"], SHARDS, embedded="--real" not in system.options
        )
        self._last: dict[int, float] = {}
        self._silence: dict[int, float] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Pulse":
        self._thread.start()
        wait_until(lambda: len(self._silence) > 1, "ticks come", _AGAIN_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._feed.close()

    def _read(self) -> None:
        while not self._ending.is_set():
            with suppress(Unavailable):
                for shard in {tick.shard for tick in self._feed.read(0.1)}:
                    now = time.monotonic()
                    silence = now - self._last.get(shard, now)
                    self._silence[shard] = max(silence, self._silence.get(shard, 0.0))
                    self._last[shard] = now

    def silence(self) -> float:
        """The longest time in seconds, until now, in which nothing came of a shard that has ticks."""
        now = time.monotonic()
        return max(max(longest, now - self._last[shard]) for shard, longest in dict(self._silence).items())

    def all_since(self, moment: float) -> bool:
        return all(last > moment for last in dict(self._last).values())


@dataclass(frozen=True)
class Outage:
    """What was seen of one, in seconds."""

    name: str
    lasted: float
    told: float  # from its begin until the status said so
    silence: float
    ticks_again: float  # from its end until every shard had ticked
    well_again: float  # from its end until the status said so

    def __str__(self) -> str:
        return (
            f"{self.name} gone for {self.lasted:.0f} s (the status said so after {self.told:.1f} s; {self.silence:.1f} s "
            f"without ticks; they came again after {self.ticks_again:.1f} s, all was well after {self.well_again:.1f} s)"
        )


def outage(system: System, name: str, gone: Gone, seconds: float) -> Outage:
    """Let `name` be gone, and wait until all is well again without a hand."""
    with Pulse(system) as pulse:
        begin = time.monotonic()
        with gone(system, name):
            wait_until(
                lambda: system.node(name).status()["health"] != "ok", f"the status tells that {name} is gone", _TOLD_S
            )
            told = time.monotonic() - begin
            assert not system.flows()
            time.sleep(max(0.0, begin + seconds - time.monotonic()))
        end = time.monotonic()
        wait_until(lambda: pulse.all_since(end), f"every shard ticks after {name} is back", _AGAIN_S)
        again = time.monotonic() - end
        wait_until(system.flows, f"all is well after {name} is back", _WELL_S)
        return Outage(f"{name}, {gone.__name__},", end - begin, told, pulse.silence(), again, time.monotonic() - end)
