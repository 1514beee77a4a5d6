"""The verifier shows its teeth: what it finds clean of the real engine, it finds lost or repeated of a broken one.

Each scenario is played with the engine as it is and with one of its rules broken (`broken.py`), and dies or sleeps at the same
points in both.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from pipeline.adapters.kafka import tick_log
from pipeline.domain.errors import Unavailable
from pipeline.stages import tick
from pipeline.stages.buffer import Buffer
from pipeline.stages.stream import Stream
from pipeline.stages.verify import Verdict
from tests.faults.broken import (
    AFTER,
    BEFORE,
    AcknowledgesFirst,
    ApartProducer,
    UnfencedNotes,
    UnfencedPlan,
    unfenced,
)
from tests.faults.mortal import Build, Deaths, MortalProducer, MortalWorld, SleepyPlayer, SleepyProducer
from tests.support.servers import kafka_server

REAL = pytest.mark.real_kafka
Start = Callable[[Build, bool], MortalWorld]
Produces = Callable[[Callable[[dict[str, Any]], Producer]], None]


@pytest.fixture(scope="module")
def embedded_kafka() -> Iterator[str]:
    with kafka_server() as server:
        yield server.url


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """An engine of this build, with a topic and a table of its own, on the embedded broker or on a real one."""

    def started(build: Build, real: bool) -> MortalWorld:
        broker = request.getfixturevalue("real_kafka" if real else "embedded_kafka")
        servers = broker.bootstrap_servers if real else broker
        return MortalWorld(tmp_path, servers, f"ticks-{uuid4().hex[:8]}", not real, build)

    return started


@pytest.fixture
def produces(monkeypatch: pytest.MonkeyPatch) -> Produces:
    """Whose producer the log has."""
    return lambda made: monkeypatch.setattr(tick_log, "Producer", made)


def played(world: MortalWorld, deaths: Deaths) -> Verdict:
    world.run(3)
    deaths.over = True
    world.run(4)  # what was lost on the way is sent again after 3 s
    world.drain()
    verdict = world.verdict()
    assert deaths.count >= 3
    assert verdict.verified > 250
    return verdict


@pytest.mark.parametrize(
    ("order", "real"), [(None, False), (BEFORE, False), (AFTER, False), pytest.param(None, True, marks=REAL)]
)
def test_a_checkpoint_outside_of_its_ticks_transaction(
    start: Start, produces: Produces, order: str | None, real: bool
) -> None:
    deaths = Deaths(every=21)
    if order:
        produces(partial(ApartProducer, order=order, committed=deaths.passes))
    else:
        produces(partial(MortalProducer, deaths=deaths, before=real))
    verdict = played(start(Build(), real), deaths)
    print(f"\nthe checkpoint {order or 'in the ticks own transaction'}, {deaths.count} deaths: {verdict}")
    assert (verdict.lost > 0) == (order == BEFORE)
    assert (verdict.repeated > 0) == (order == AFTER)


@pytest.mark.parametrize(("buffer", "loses"), [(Buffer, False), (AcknowledgesFirst, True)])
def test_an_acknowledgement_before_the_commit(start: Start, buffer: type[Buffer], loses: bool) -> None:
    world, deaths = start(Build(buffer=buffer), False), Deaths(every=21)
    world.cells.deaths = deaths
    verdict = played(world, deaths)
    print(f"\n{buffer.__name__}, {deaths.count} deaths: {verdict}")
    assert (verdict.lost > 0) == loses
    assert not verdict.repeated


@pytest.mark.parametrize(
    ("build", "loses"), [(Build(), False), (Build(notes=UnfencedNotes, plan=UnfencedPlan), True)], ids=["fence", "none"]
)
def test_a_driver_that_slept_while_another_took_over(
    start: Start, monkeypatch: pytest.MonkeyPatch, build: Build, loses: bool
) -> None:
    """It wakes up right before it makes a batch: it does not know yet that its lease is over."""
    monkeypatch.setattr(tick, "Player", SleepyPlayer)
    world = start(build, False)
    world.run(3)
    sleeper = world.drivers[0]

    def asleep() -> None:
        world.drivers.remove(sleeper)
        world.start_driver("driver-2")
        world.run(3.6)  # it takes over when the lease is over, and sends what the plan has
        Stream(world.plan, world.bars, world.clock, world.rules, "simulator").speed(20)
        world.run(0.4)
        world.drivers.append(sleeper)

    next(iter(sleeper._players.values())).asleep = asleep  # type: ignore[attr-defined]
    world.run(12)
    verdict = world.verdict()
    print(f"\nfence {'off' if loses else 'on'}: {verdict}")
    assert verdict.verified > 1000
    assert (verdict.lost > 0) == loses
    assert verdict.clean == (not loses)


@pytest.mark.parametrize(
    ("fence", "real"),
    [(True, False), pytest.param(True, True, marks=REAL), pytest.param(False, True, marks=REAL)],
)
def test_a_forwarder_that_slept_while_another_took_over(
    start: Start, produces: Produces, fence: bool, real: bool
) -> None:
    """It wakes up right before a transaction. The embedded broker fences nobody."""
    sleeps: list[Callable[[], None]] = []
    produces(
        lambda config: SleepyProducer(config if fence else unfenced(config), lambda: sleeps.pop()() if sleeps else None)
    )
    world = start(Build(), real)
    world.run(2)
    sleeper = world.forward

    def asleep() -> None:
        world.start_receiver("receiver-2")
        world.run(5)

    sleeps.append(asleep)
    world.run(0.5)
    with suppress(Unavailable):
        sleeper.step()
    world.run(4.5)
    world.drain()
    verdict = world.verdict()
    print(f"\nfence {'on' if fence and real else 'off'}: {verdict}")
    assert verdict.verified > 300
    assert not verdict.lost
    assert (verdict.repeated > 0) == (not (fence and real))
