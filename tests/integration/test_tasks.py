"""The workers' tasks in a real worker (a thread) on a real Redis, with the stages of bootstrap on the memory twins."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
from celery import Celery
from celery.contrib.testing.worker import TestWorkController
from kombu import pools

from pipeline import bootstrap
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.live import MemoryLive
from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Fenced, MarketDataKind, Unavailable
from pipeline.domain.fetches import INTERNAL, FetchState
from pipeline.domain.health import Health
from pipeline.flow import FETCH_CHAIN
from pipeline.ports.table import TableFull
from pipeline.stages.fetch import Later
from tests.support.ingest_world import IngestWorld
from tests.support.servers import redis_server, wait_until
from workers import driver, ingest, monitor, receiver
from workers.app import app as workers_app
from workers.links import CeleryBatchLink
from workers.steps.role import RoleStep

QUEUES = ["ingest", "driver", "receiver", "monitor"]
BATCH = Batch(1, Position(5, 6), Position(5, 5), 1, 1.5, 1, (("AAPL", b'{"seq":1}'),))


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as server:
        yield server.url


@pytest.fixture(scope="module")
def celery_app(redis_url: str) -> Iterator[Celery]:
    """The workers' own app on a broker of its own. The bootsteps that the roles' files add stay out."""
    settings: dict[str, Any] = {
        "broker_url": redis_url,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
    }
    # How long the worker looks into a queue before it sees that it shall end.
    settings["broker_transport_options"] = workers_app.conf.broker_transport_options | {"polling_interval": 0.1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(workers_app.steps, "worker", set())
        for name, value in settings.items():
            patch.setitem(workers_app.conf, name, value)
        yield workers_app
    pools.reset()  # type: ignore[no-untyped-call]
    workers_app._after_fork()  # forget the connections to this broker


@pytest.fixture(scope="session")
def celery_worker_parameters() -> dict[str, Any]:
    return {"queues": QUEUES, "perform_ping_check": False}


@dataclass
class Ingest:
    """The ingest worker's stages on the memory twins; `runs` are (stage, fetch id) as the worker ran them."""

    world: IngestWorld = field(default_factory=IngestWorld)
    runs: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.world
        for name, stage in (("fetch", world.fetch), ("store", world.store), ("publish", world.publish)):
            stage.run = self._recorded(name, stage.run)  # type: ignore[method-assign]
        meters = tuple(world.meters[name] for name in ("fetch", "store", "publish"))
        self.stages = bootstrap.Ingest(
            world.requests, world.planning, world.fetch, world.store, world.publish, world.sweep, world.backfills, meters
        )  # fmt: skip

    def _recorded(self, name: str, run: Callable[..., bool]) -> Callable[..., bool]:
        def recorded(fetch_id: str, *later: Later) -> bool:
            self.runs.append((name, fetch_id))
            return run(fetch_id, *later)

        return recorded

    def send(self, symbol: str) -> str:
        fetch_id = self.world.ask(symbol)
        ingest.send(self.world.record(fetch_id))
        return fetch_id

    def wait_for(self, fetch_id: str, state: FetchState) -> None:
        wait_until(lambda: self.world.record(fetch_id).state == state, f"the fetch is {state}")

    def pass_through(self) -> None:
        """Send one more fetch and wait for its end: the one worker has run all that was queued before it by then."""
        self.wait_for(self.send("LAST"), FetchState.SUCCEEDED)

    def stages_of(self, fetch_id: str) -> list[str]:
        return [stage for stage, of in self.runs if of == fetch_id]


@pytest.fixture
def empty_broker(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()


@pytest.fixture
def given(empty_broker: None, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    given = Ingest()
    monkeypatch.setattr(bootstrap, "ingest", lambda settings: given.stages)
    return given


@pytest.fixture
def worker(given: Ingest, celery_worker: TestWorkController) -> TestWorkController:
    assert isinstance(celery_worker, TestWorkController), "celery.contrib.pytest's, not pytest-celery's"
    return celery_worker


class TestIngest:
    def test_the_chain_of_a_fetch_runs_through_from_request_to_event(
        self, given: Ingest, worker: TestWorkController
    ) -> None:
        fetch_id = given.send("AAPL")
        given.wait_for(fetch_id, FetchState.SUCCEEDED)
        assert [f"ingest.{stage}" for stage, _ in given.runs] == list(FETCH_CHAIN)
        assert {of for _, of in given.runs} == {fetch_id}
        assert [event.fetch_id for event in given.world.events()] == [fetch_id]

    def test_a_fetch_with_nothing_to_hand_over_stops_its_chain(self, given: Ingest, worker: TestWorkController) -> None:
        given.world.market_data.fail("NOPE", MarketDataKind.UNKNOWN_SYMBOL)
        given.world.market_data.unreadable.add("ODD")
        unknown, unreadable = given.send("NOPE"), given.send("ODD")
        given.pass_through()
        assert given.stages_of(unknown) == ["fetch"]
        assert given.stages_of(unreadable) == ["fetch", "store"]
        assert given.world.record(unreadable).kind == "malformed"

    def test_a_task_that_is_sent_twice_makes_one_request_and_one_event(
        self, given: Ingest, worker: TestWorkController
    ) -> None:
        fetch_id = given.world.ask("AAPL")
        for _ in range(2):
            ingest.send(given.world.record(fetch_id))
        given.pass_through()
        assert given.world.market_data.asked == ["AAPL", "LAST"]
        assert [event.symbol for event in given.world.events()] == ["AAPL", "LAST"]

    def test_what_is_away_is_tried_again_and_the_chain_goes_on(
        self, given: Ingest, worker: TestWorkController, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store, failures = given.world.store.run, [Unavailable("MongoDB: AutoReconnect")]

        def away_once(fetch_id: str) -> bool:
            if failures:
                raise failures.pop()
            return store(fetch_id)

        monkeypatch.setattr(given.world.store, "run", away_once)
        given.wait_for(given.send("AAPL"), FetchState.SUCCEEDED)
        assert not failures
        assert len(given.world.events()) == 1

    def test_an_error_of_ours_ends_the_fetch_and_its_chain(
        self, given: Ingest, worker: TestWorkController, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given.world.market_data.errors["AAPL"] = [KeyError("Time Series (Daily)")]
        fetch_id = given.send("AAPL")
        given.wait_for(fetch_id, FetchState.FAILED)
        assert given.world.record(fetch_id).kind == INTERNAL
        given.pass_through()
        assert given.stages_of(fetch_id) == ["fetch"]

    def test_a_fetch_whose_task_was_lost_is_sent_again_by_beat_s_sweep(
        self, given: Ingest, worker: TestWorkController
    ) -> None:
        lost = given.world.ask("AAPL")
        given.world.clock.sleep(31)
        workers_app.send_task("ingest.sweep")
        given.wait_for(lost, FetchState.SUCCEEDED)
        assert given.stages_of(lost) == ["fetch", "store", "publish"]

    def test_beat_s_plan_asks_for_what_is_due_once(self, given: Ingest, worker: TestWorkController) -> None:
        given.world.watch("AAPL", "IBM")
        for _ in range(2):
            workers_app.send_task("ingest.plan")
        wait_until(lambda: len(given.world.events()) == 2, "both are announced")
        workers_app.send_task("ingest.plan")
        given.pass_through()
        assert sorted(given.world.market_data.asked) == ["AAPL", "IBM", "LAST"]
        assert {record.requested_by for record in given.world.fetches.recent()} == {"beat", "test"}


@dataclass
class Table:
    """A receiver whose buffer does what a test says."""

    error: Exception | None = None
    put_batches: list[Batch] = field(default_factory=list)

    def put(self, batches: list[Batch]) -> None:
        self.put_batches += batches
        if self.error:
            raise self.error


class TestReceiver:
    @pytest.fixture
    def table(self, empty_broker: None, monkeypatch: pytest.MonkeyPatch) -> Table:
        table = Table()
        monkeypatch.setattr(receiver, "_receiver", lambda: type("Receiver", (), {"buffer": table}))
        return table

    def test_a_batch_arrives_as_it_was_sent(self, table: Table, celery_worker: TestWorkController) -> None:
        CeleryBatchLink().send([BATCH])
        wait_until(lambda: table.put_batches == [BATCH], "the batch")

    @pytest.mark.parametrize("message", [BATCH.to_message(), {"shard": 1}, {}])
    def test_a_stale_or_malformed_batch_is_refused_once_and_without_a_traceback(
        self,
        table: Table,
        celery_worker: TestWorkController,
        caplog: pytest.LogCaptureFixture,
        message: dict[str, object],
    ) -> None:
        caplog.set_level(logging.INFO, "celery.app.trace")
        table.error = Fenced("shard 1: epoch 1 is over, 2 was seen")
        workers_app.send_task("receiver.buffer", [[message]])
        wait_until(lambda: any("raised expected" in r.message for r in caplog.records), "it is refused")
        CeleryBatchLink().send([BATCH])  # comes after any retry that was sent
        wait_until(lambda: sum("raised expected" in r.message for r in caplog.records) == 2, "the next one")
        refusals = [record for record in caplog.records if "raised expected" in record.message]
        assert all(record.levelno == logging.INFO and not record.exc_info for record in refusals)
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]

    @pytest.mark.parametrize("error", [TableFull("8192 MB"), Unavailable("the table is busy")])
    def test_a_batch_that_found_no_place_is_not_tried_again_by_celery(
        self, table: Table, caplog: pytest.LogCaptureFixture, error: Exception
    ) -> None:
        table.error = error
        result = receiver.buffer.apply([[BATCH.to_message()]])
        assert (result.state, table.put_batches) == ("FAILURE", [BATCH]), "its driver sends it again"


class TestDriver:
    def test_a_request_to_repeat_is_tried_again_while_the_plan_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[tuple[int, Position, Position]] = []

        class Stage:
            def run(self, shard: int, after: Position, before: Position) -> int:
                asked.append((shard, after, before))
                if len(asked) < 3:
                    raise Unavailable("MongoDB: ServerSelectionTimeoutError")
                return 7

        monkeypatch.setattr(bootstrap, "repeat", lambda settings, link: Stage())
        result = driver.repeat.apply([2, [5, 6], [5, 9]])
        assert (result.state, result.result) == ("SUCCESS", 7)
        assert asked == [(2, Position(5, 6), Position(5, 9))] * 3

    def test_a_posted_event_is_heard_by_the_process_s_one_listener(self, monkeypatch: pytest.MonkeyPatch) -> None:
        heard: list[tuple[str, float]] = []

        class Listener:
            def hear(self, event: str, sent_at: float) -> None:
                heard.append((event, sent_at))
                if len(heard) < 2:
                    raise Unavailable("MongoDB: ServerSelectionTimeoutError")

        monkeypatch.setattr(driver, "_listening", lambda: (Listener(), None))
        assert driver.heard.apply(["{}", 12.5]).state == "SUCCESS"
        assert heard == [("{}", 12.5)] * 2


class TestMonitor:
    def test_beat_s_task_says_that_beat_is_alive(self, monkeypatch: pytest.MonkeyPatch) -> None:
        live = MemoryLive(MemoryClock())
        monkeypatch.setattr(bootstrap, "live_channel", lambda settings: live)
        monitor.beat_seen.apply()
        beat = live._beats["beat-1"]
        assert (beat.role, [(report.stage, report.health) for report in beat.stages]) == ("beat", [("beat", Health.OK)])


DELIVERIES = ("deliver sns", "deliver webhook", "deliver mail")


class TestRoles:
    """What each role's worker would run, by its own wiring; nothing connects before it starts."""

    @pytest.mark.parametrize(
        ("step", "stages", "loops"),
        [
            (ingest.IngestStep, ["fetch", "store", "publish"], ["measuring"]),
            (
                driver.DriverStep,
                ["listen", "tick"],
                ["listen", "session", "ahead", "scores", "trim", "tick", "measuring"],
            ),
            (receiver.ReceiverStep, ["buffer", "forward"], ["forward", "passing", "measuring"]),
            (
                monitor.MonitorStep,
                ["show", "bars", "alerts"],
                ["show", "bars", "closes", "passing", "alerts", *DELIVERIES, "watching"],
            ),
        ],
    )
    def test_a_role_brings_its_stages_meters_and_loops(
        self, step: type[RoleStep], stages: list[str], loops: list[str]
    ) -> None:
        meters, made = step(workers_app).work()
        assert [meter.stage for meter in meters] == stages
        assert [loop.name for loop in made] == loops
        assert not any(loop.is_alive() for loop in made)


def test_a_batch_makes_no_events_beside_its_task(empty_broker: None, celery_app: Celery, redis_url: str) -> None:
    """Flower shows fetches and commands: 40 batches a second would bury them."""
    with redis.Redis.from_url(redis_url) as client, client.monitor() as monitored:
        CeleryBatchLink().send([BATCH])
        client.echo("the end")
        commands: list[str] = []
        for command in monitored.listen():
            commands.append(command["command"])
            if "the end" in commands[-1]:
                break
    assert len([command for command in commands if command.startswith("LPUSH")]) == 1
    assert not [command for command in commands if command.startswith("PUBLISH")]
