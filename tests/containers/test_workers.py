"""The workers of each role under pytest-celery, as containers of the project's image: what brokers, kills and stops do to tasks.

A probe's tasks run beside the role's own, in its queue and under its configuration: they note in Redis when they begin and end.
MongoDB and Kafka are not there, so the roles say that they wait for them, and take their tasks all the same.
"""

import importlib
import re
import time
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from pytest_celery import CeleryBrokerCluster, CeleryTestSetup, CeleryTestWorker, CeleryWorkerContainer, RedisTestBroker
from pytest_docker_tools import container, fxtr, image

from tests.support.servers import ROOT, free_port, wait_until

pytestmark = [
    pytest.mark.timeout(300),
    # docker-py leaves sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROLES = ("ingest", "driver", "receiver", "monitor")
REDIS = re.search(r"image: (redis:\S+)", (ROOT / "docker-compose.yml").read_text())
CONFIGURATION = importlib.import_module("celeryconfig")
PREFIX = CONFIGURATION.broker_transport_options["global_keyprefix"]
VISIBLE_AGAIN_S = CONFIGURATION.broker_transport_options["visibility_timeout"]
PROBE = """
import time
import redis
from pipeline.settings import load
from workers.app import app

notes = redis.Redis.from_url(load().redis_url)

def run(word, seconds):
    notes.rpush("probe", f"began {word}")
    time.sleep(seconds)
    notes.rpush("probe", f"ended {word}")

for role in ("ingest", "driver", "receiver", "monitor"):
    app.task(name=f"{role}.probe")(run)
"""


class RoleContainer(CeleryWorkerContainer):  # type: ignore[misc]
    """As compose runs it, but for the probe."""


class Setup(CeleryTestSetup):  # type: ignore[misc]
    """The sender's side: by name, with the project's queues and key prefix."""

    @classmethod
    def update_app_config(cls, app: Celery) -> None:
        app.conf.update(
            broker_transport_options=CONFIGURATION.broker_transport_options, task_routes=CONFIGURATION.task_routes,
            task_ignore_result=True,
        )  # fmt: skip


@pytest.fixture(params=["ingest"])
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def probe_directory(tmp_path: Path) -> Path:
    (tmp_path / "probe.py").write_text(PROBE)
    tmp_path.chmod(0o755)  # pytest makes it for its own user alone
    return tmp_path


# --- pytest-celery's parts, replaced by ours ---------------------------------------------------------------------------------

celery_base_worker_image = image(name="tickerline:latest")


@pytest.fixture
def default_redis_broker_image() -> str:
    assert REDIS
    return REDIS[1]


@pytest.fixture
def default_redis_broker_ports() -> dict[str, int]:
    return {"6379/tcp": free_port()}  # the same after a restart


@pytest.fixture
def default_redis_broker_command() -> list[str]:
    return ["redis-server", "--protected-mode", "no", "--save", "", "--appendonly", "yes", "--dir", "/data"]


@pytest.fixture
def celery_broker(celery_redis_broker: RedisTestBroker) -> RedisTestBroker:
    return celery_redis_broker


@pytest.fixture
def celery_backend_cluster() -> None:
    """Nobody asks for results."""


@pytest.fixture
def celery_worker(celery_setup_worker: CeleryTestWorker) -> CeleryTestWorker:
    return celery_setup_worker


@pytest.fixture
def celery_setup_cls() -> type[Setup]:
    return Setup


@pytest.fixture
def default_worker_env(celery_broker_cluster: CeleryBrokerCluster) -> dict[str, str]:
    return {
        "REDIS_URL": celery_broker_cluster.config()["urls"][0],
        "MONGODB_URI": "mongodb://127.0.0.1:9",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "TICKERLINE_LOG_LEVEL": "INFO",
        "TICKERLINE_DATA": "/tmp/data",
        "CELERY_WORKER_INCLUDE": "probe",
        "PYTHONPATH": "/app:/probe",
    }


@pytest.fixture
def default_worker_command(role: str) -> list[str]:
    return [role]


default_worker_container = container(
    image="{celery_base_worker_image.id}",
    environment=fxtr("default_worker_env"),
    network="{default_pytest_celery_network.name}",
    volumes={"{probe_directory}": {"bind": "/probe", "mode": "ro"}},
    command=fxtr("default_worker_command"),
    wrapper_class=RoleContainer,
    tmpfs={"/tmp": ""},
    read_only=True,
    cap_drop=["ALL"],
    timeout=60,
)


# --- what holds ----------------------------------------------------------------------------------------------------------------


class Bench:
    """Sends a role's probe, and reads what it noted."""

    def __init__(self, setup: CeleryTestSetup, role: str) -> None:
        self.worker, self.broker = setup.worker, setup.broker
        self.redis: Any = setup.broker.container.client  # its port stays over restarts
        self._app, self._role = setup.app, role

    def send(self, word: str, seconds: float = 0.0) -> None:
        self._app.send_task(f"{self._role}.probe", [word, seconds])

    def notes(self) -> list[str]:
        found: list[str] = self.redis.lrange("probe", 0, -1)
        return found

    def wait_for(self, note: str, times: int = 1, deadline_s: float = 60.0) -> None:
        wait_until(lambda: self.notes().count(note) >= times, f"{note!r}, {times} times", deadline_s)

    def unacknowledged(self) -> int:
        return int(self.redis.hlen(f"{PREFIX}unacked"))

    def as_if_the_visibility_timeout_had_passed(self) -> None:
        """Every message that a worker has taken is that much older."""
        for tag, taken in self.redis.zrange(f"{PREFIX}unacked_index", 0, -1, withscores=True):
            self.redis.zadd(f"{PREFIX}unacked_index", {tag: taken - VISIBLE_AGAIN_S - 1})


@pytest.fixture
def bench(celery_setup: CeleryTestSetup, role: str) -> Bench:
    return Bench(celery_setup, role)


@pytest.mark.parametrize("role", ROLES, indirect=True)
def test_a_worker_of_each_role_takes_its_tasks_and_after_a_kill_those_that_came_meanwhile(bench: Bench) -> None:
    bench.send("one")
    bench.wait_for("ended one")
    bench.worker.kill()
    bench.send("two")
    bench.worker.restart()
    bench.wait_for("ended two")
    assert bench.notes() == ["began one", "ended one", "began two", "ended two"]


def test_a_broker_that_is_killed_and_comes_back_costs_no_task(bench: Bench) -> None:
    bench.send("before")
    bench.wait_for("ended before")
    bench.broker.kill()
    time.sleep(2)  # so that the worker meets a broker that is away
    bench.broker.restart()
    bench.send("after")
    bench.wait_for("ended after")
    assert bench.notes().count("ended after") == 1


def test_a_worker_that_is_stopped_finishes_what_it_runs(bench: Bench) -> None:
    bench.send("short", 3.0)
    bench.wait_for("began short")
    bench.worker.kill("SIGTERM")
    wait_until(lambda: _ended(bench.worker), "the worker has ended", 30)
    assert bench.notes() == ["began short", "ended short"]
    assert bench.unacknowledged() == 0


def test_what_a_stopped_worker_can_t_finish_is_run_by_the_next_one(bench: Bench) -> None:
    """A thread can't be ended: when the engine's patience is over it ends the process, and the task is still not acknowledged."""
    bench.send("long", 100.0)
    bench.wait_for("began long")
    bench.worker.kill("SIGTERM")
    bench.worker.assert_log_exists("Initiating Soft Shutdown", timeout=20)
    bench.worker.kill()
    assert bench.unacknowledged() + bench.redis.llen(f"{PREFIX}ingest") == 1
    bench.as_if_the_visibility_timeout_had_passed()
    bench.worker.restart()
    bench.wait_for("began long", times=2)


def test_a_task_that_a_killed_worker_had_taken_is_delivered_again_and_once(bench: Bench) -> None:
    bench.send("taken", 5.0)
    bench.wait_for("began taken")
    assert bench.unacknowledged() == 1
    bench.worker.kill()
    assert bench.unacknowledged() == 1
    bench.as_if_the_visibility_timeout_had_passed()
    bench.worker.restart()
    bench.wait_for("ended taken")
    assert bench.notes() == ["began taken", "began taken", "ended taken"]
    wait_until(lambda: bench.unacknowledged() == 0, "the task is acknowledged", 20)


def _ended(worker: CeleryTestWorker) -> bool:
    worker.container.reload()
    return bool(worker.container.status == "exited")
