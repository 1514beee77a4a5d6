"""The programs that `up` supervises: the one list of what runs, with what, and how each is asked for its health."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.settings import LOOPBACK, Values
from webui.production import behind_tls

CELERY = (sys.executable, "-m", "celery")
THREADS = {"ingest": 4, "driver": 2, "receiver": 2, "monitor": 2}  # of the workers, by role
ROLES = ("ingest", "driver", "receiver", "monitor", "beat", "flower", "api", "dashboard")


class Check(StrEnum):
    """How a program's health is asked for: `report.py` has the function of each."""

    SERVER = "server"  # by the server's own protocol
    WORKER = "worker"  # GET /health tells it in JSON
    WEB = "web"  # GET /health/live answers 200
    FLOWER = "flower"  # GET / answers
    BEAT = "beat"
    ALIVE = "alive"  # nothing to ask: it runs or it does not


HEALTH_PATHS = {Check.WORKER: "/health", Check.WEB: "/health/live", Check.FLOWER: "/"}


@dataclass(frozen=True)
class Program:
    """One process. `port` is where it answers over HTTP; stopping is SIGTERM, and SIGKILL after `stop_s` seconds."""

    name: str
    role: str
    command: tuple[str, ...]
    check: Check
    port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_s: int = 10
    steady_s: int = 5  # one that dies sooner than this after its start is started again with back-off

    @property
    def url(self) -> str | None:
        return f"http://{LOOPBACK}:{self.port}" if self.port else None

    @property
    def health_url(self) -> str:
        """What is asked over HTTP; empty where it is not."""
        return f"{self.url}{HEALTH_PATHS[self.check]}" if self.url and self.check in HEALTH_PATHS else ""


@dataclass(frozen=True)
class Fixed:
    """The owner's addresses, each a setting."""

    api: int
    driver: int
    receiver: int
    dashboard: int
    flower: int


FIXED_PORTS = {
    "api": ("TICKERLINE_API_PORT", 8000),
    "driver": ("TICKERLINE_DRIVER_PORT", 8001),
    "receiver": ("TICKERLINE_RECEIVER_PORT", 8002),
    "dashboard": ("TICKERLINE_DASHBOARD_PORT", 3000),
    "flower": ("TICKERLINE_FLOWER_PORT", 5555),
}


def fixed_ports(values: Values) -> Fixed:
    return Fixed(**{what: values.number(name, port, 1, 65535) for what, (name, port) in FIXED_PORTS.items()})


def _worker(role: str, number: int, port: int, values: Values) -> Program:
    name = f"{role}-{number}"
    options = ["-Q", role, "-P", "threads", "-c", str(THREADS[role]), "-n", f"{name}@%h"]
    # Else Celery's own level, which does not tell of each task.
    options += [f"--loglevel={level}"] if (level := values.text("TICKERLINE_LOG_LEVEL")) else []
    return Program(
        name=name,
        role=role,
        command=(*CELERY, "-A", f"workers.{role}", "worker", *options, "--without-mingle", "--without-gossip"),
        check=Check.WORKER,
        port=port,
        # SIGTERM as Celery's soft shutdown: running tasks get their time, what is left goes back to the queue.
        environment={
            "TICKERLINE_INSTANCE": name,
            "TICKERLINE_HTTP_PORT": str(port),
            "REMAP_SIGTERM": "SIGQUIT",
        },
        stop_s=25,
    )


def _beat() -> Program:
    scheduler = ["--scheduler", "django_celery_beat.schedulers:DatabaseScheduler", "--max-interval", "5", "--pidfile="]
    command = (*CELERY, "-A", "webui.celery", "beat", *scheduler)
    return Program("beat", "beat", command, Check.BEAT, environment={"TICKERLINE_INSTANCE": "beat"})


def _flower(port: int, bind: str) -> Program:
    options = [f"--address={bind}", f"--port={port}", "--max_tasks=5000", "--purge_offline_workers=300"]
    command = (*CELERY, "-A", "webui.celery", "flower", *options)
    return Program("flower", "flower", command, Check.FLOWER, port, {"TICKERLINE_INSTANCE": "flower"})


def web(face: str, port: int, proxied: bool = False, bind: str = LOOPBACK) -> Program:
    """uvicorn with the ASGI application; `face`: what it shows at /.

    `proxied`: a proxy tells by headers whom it asks for; else such headers are a client's invention.
    """
    options = ["--host", bind, "--port", str(port), "--workers", "1", "--timeout-graceful-shutdown", "5"]
    options += ["--no-access-log"]  # probes would fill it
    options += ["--proxy-headers" if proxied else "--no-proxy-headers"]
    # Compressing for each browser anew costs ten times what sending does; messages of browsers are small (docs/asyncapi.yaml).
    options += ["--ws-per-message-deflate", "false", "--ws-max-size", "65536"]
    return Program(
        name=face,
        role=face,
        command=(sys.executable, "-m", "uvicorn", "webui.asgi:application", *options, "--no-server-header"),
        check=Check.WEB,
        port=port,
        environment={"TICKERLINE_INSTANCE": face, "TICKERLINE_FACE": face},
    )


def process(role: str, number: int, port: int, values: Values) -> Program:
    """One process of a role; of a worker's role there may be several, told apart by `number`. Raises SettingsError."""
    bind = values.address("TICKERLINE_BIND", LOOPBACK)
    if role in THREADS:
        return _worker(role, number, port, values)
    if role == "beat":
        return _beat()
    return _flower(port, bind) if role == "flower" else web(role, port, behind_tls(values), bind)


def all_processes(values: Values, fixed: Fixed, free: Callable[[str], int]) -> list[Program]:
    """Every process but the servers. `free` gives a name's kept port. Raises SettingsError."""

    def workers(role: str, count: int, first: int | None = None) -> list[Program]:
        """The first on the port `first`, if it has one, the others on ports from `free`."""
        return [
            process(role, number, first if first and number == 1 else free(f"{role}-{number}"), values)
            for number in range(1, count + 1)
        ]

    return [
        *workers("ingest", values.number("TICKERLINE_INGESTS", 1, 1, 64)),
        *workers("driver", values.number("TICKERLINE_DRIVERS", 1, 1, 64), fixed.driver),
        *workers("receiver", values.number("TICKERLINE_RECEIVERS", 1, 1, 64), fixed.receiver),
        *workers("monitor", 1),
        process("beat", 1, 0, values),
        process("flower", 1, fixed.flower, values),
        process("api", 1, fixed.api, values),
        process("dashboard", 1, fixed.dashboard, values),
    ]
