"""Kills and pauses of the engine's processes while a verifier, a process of its own, recomputes every tick.

with Verifier(system) as verifier:
    kill_rounds(system, 20, seed=1)
    verdict = verifier.verdict()
"""

import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline.stages.verify import Verdict
from tests.support.servers import wait_until
from tests.support.system import System
from webui.console.errors import ConsoleError
from webui.console.place import Place
from webui.console.supervision import Seen, Supervisor

TWO_OF_EACH = {"TICKERLINE_DRIVERS": "2", "TICKERLINE_RECEIVERS": "2"}
RECEIVERS = ("receiver-1", "receiver-2")
WORKERS = ("driver-1", "driver-2", *RECEIVERS)
SPEED = 100  # of five symbols at ten ticks a second each: 5,000 ticks/s
SHARDS = 4
_AGAIN_S = 60.0  # how soon is a matter of the tests that kill once and then look
_WELL_S = 120.0


@contextmanager
def fast_system(
    data: Path, options: Sequence[str] = (), speed: int = SPEED, environment: Mapping[str, str] = TWO_OF_EACH
) -> Iterator[System]:
    """Two drivers, two receivers."""
    running = System(data, dict(environment), tuple(options))
    try:
        running.up()
        done = running.manage("stream", "speed", str(speed))
        assert done.returncode == 0, done.stderr
        yield running
    finally:
        running.down()


class Ends:
    """Where each shard's log ends for readers of committed records: cheap to ask, and no opinion of any stage."""

    def __init__(self, system: System) -> None:
        kafka = system.status()["servers"]["kafka"]
        self._topic = kafka["topic"]
        self._consumer = Consumer(
            {"bootstrap.servers": kafka["bootstrap_servers"], "group.id": "ends", "enable.auto.commit": False,
             "isolation.level": "read_committed", "log_level": 0}
        )  # fmt: skip
        self._last = dict.fromkeys(range(SHARDS), 0)

    def __enter__(self) -> "Ends":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def now(self) -> dict[int, int]:
        """By shard; of a broker too busy to answer, what it said before."""
        for shard in range(SHARDS):
            with suppress(KafkaException):
                self._last[shard] = self._consumer.get_watermark_offsets(TopicPartition(self._topic, shard), 5)[1]
        return dict(self._last)

    def moved(self, since: dict[int, int]) -> bool:
        """Every shard that has ticks at all has new ones."""
        now = self.now()
        return any(now.values()) and all(now[shard] > end for shard, end in since.items() if end)


class Verifier:
    """`manage.py verify --json` from now on (or all that is there), until it is asked for its verdict."""

    def __init__(self, system: System, from_start: bool = False) -> None:
        self._system, self._ends, self._from_start = system, Ends(system), from_start
        self._says = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the verifier

    def __enter__(self) -> "Verifier":
        now = self._ends.now()
        self._from = dict.fromkeys(now, 0) if self._from_start else now
        options = ["--from-start"] if self._from_start else []
        self._process = self._system.start("verify", "--json", *options, err=self._says)
        try:
            wait_until(lambda: self.counts().verified > 0, "the verifier reads", _AGAIN_S)
        except AssertionError:
            self.__exit__()
            raise
        self._first = self.counts().verified, time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._says.close()
        self._ends.__exit__()

    def counts(self) -> Verdict:
        """What it said last; it speaks every five seconds."""
        assert self._process.poll() is None, f"the verifier ended by itself: {self._spoken()}"
        lines = [line for line in self._spoken().splitlines(keepends=True) if line.endswith("foreign\n")]
        pairs = [pair.split() for pair in lines[-1].split(", ")] if lines else []
        return Verdict(**{name: int(count) for count, name in pairs})

    def _spoken(self) -> str:
        return os.pread(self._says.fileno(), 1 << 20, 0).decode()

    def catch_up(self) -> None:
        """Wait until it has read at least what is on the log now."""
        written = sum(self._ends.now().values()) - sum(self._from.values())

        def read() -> bool:
            counts = self.counts()
            return counts.verified + counts.repeated + counts.foreign >= written

        wait_until(read, f"the verifier has read {written} records", _WELL_S)

    def verdict(self, what: str) -> Verdict:
        """End it, and print its counts."""
        self._process.send_signal(signal.SIGTERM)
        out, _ = self._process.communicate(timeout=30)
        verdict = Verdict(**json.loads(out))
        rate = (verdict.verified - self._first[0]) / (time.monotonic() - self._first[1])
        print(
            f"\n{what}: {verdict.verified:,} ticks verified ({rate:,.0f} a second), "
            f"{verdict.lost} lost, {verdict.late} late, {verdict.repeated} repeated, {verdict.foreign} foreign"
        )
        assert self._process.returncode == (0 if verdict.clean and verdict.verified else 1)
        return verdict


def check(verdict: Verdict, at_least: int) -> None:
    """What holds on every broker. `repeated` is what the embedded one can't tell about: it shows the ticks of a transaction
    that a killed or paused receiver left open, and lets one that wakes up late write. But every writer of a shard starts at or
    before the end of what is there, and writes on without a gap: so also there the first appearance of each tick is in its
    place. A tick that overtook another would first be lost, then `late`.
    """
    assert verdict.verified >= at_least
    assert verdict.lost == 0
    assert verdict.late == 0
    assert verdict.foreign == 0


def recover(system: System, verifier: Verifier) -> None:
    """Wait until all is well without a hand, and the verifier has seen what was written until then."""
    try:
        wait_until(system.flows, "all is well again", _WELL_S)
        verifier.catch_up()
    except AssertionError as error:
        raise AssertionError(f"{error}: {verifier.counts()}\n{system.last_logs()}") from None


def kill_rounds(system: System, rounds: int, seed: int) -> str:
    """kill -9 of one worker after the other; returns what was done.

    The next one dies as soon as ticks flow, which is long before the one before is back, or after a random short time.
    """
    chance, killed, away = random.Random(seed), Counter[str](), [0.0]  # noqa: S311 - a seed makes it repeatable
    with Ends(system) as ends:
        for _ in range(rounds):
            before, start = ends.now(), time.monotonic()
            killed[_kill_one(system, chance)] += 1
            if chance.random() < 0.6:
                wait_until(partial(ends.moved, before), f"every shard ticks again, seed {seed}", _AGAIN_S)
                away.append(time.monotonic() - start)
            time.sleep(chance.uniform(0.05, 2))
    names = ", ".join(f"{name} {count}" for name, count in sorted(killed.items()))
    return f"{rounds} kills, seed {seed} ({names}; every shard ticked again within {max(away):.1f} s)"


def _kill_one(system: System, chance: random.Random) -> str:
    """A random one of those that live: also one that is just starting."""
    found: dict[str, int] = {}

    def some() -> bool:
        found.update(living(system))
        return bool(found)

    wait_until(some, "a worker lives", _AGAIN_S)
    name = chance.choice(sorted(found))
    with suppress(ProcessLookupError):
        os.kill(found[name], signal.SIGKILL)
    return name


def living(system: System, names: Sequence[str] = WORKERS) -> dict[str, int]:
    """The pids of those of the processes that supervisord has running or starting; it is asked alone, for a probe of
    everything takes as long as the time between two kills."""
    try:
        seen: dict[str, Seen] = Supervisor(Place(system.data)).seen()
    except ConsoleError:
        return {}
    return {name: pid for name in names if (pid := seen[name].pid)}


@contextmanager
def stopped(system: System, names: Sequence[str]) -> Iterator[None]:
    """SIGSTOP: to everybody else they are silent, to themselves no time passes."""
    pids = living(system, names)
    assert set(pids) == set(names)
    try:
        for pid in pids.values():
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)


def stop_in_turn(system: System, seconds: float) -> str:
    """Stop one receiver, the other one, and both, each for a time, until every shard ticks again; returns what was done.

    Whoever has the shards is among them, and wakes up when they are another's. The other one goes on meanwhile after
    some seconds; not when the first was stopped while it held the embedded table's one write lock, so no count is asserted.
    """
    away, meanwhile = [], []
    with Ends(system) as ends:
        for names in (RECEIVERS[:1], RECEIVERS[1:], RECEIVERS):
            with stopped(system, names):
                before = ends.now()
                time.sleep(seconds)
                after = ends.now()
            start = time.monotonic()
            wait_until(partial(ends.moved, after), f"every shard ticks after {names} woke up", _AGAIN_S)
            away.append(time.monotonic() - start)
            meanwhile.append(sum(after.values()) - sum(before.values()))
    counts = ", ".join(f"{count:,}" for count in meanwhile)
    return (
        f"one receiver, the other, then both stopped for {seconds:.0f} s each ({counts} records meanwhile; "
        f"every shard ticks at most {max(away):.1f} s after they woke up)"
    )
