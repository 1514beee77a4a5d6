"""The programs that `up` supervises: the one list of what runs, with what, and how each is asked for its health."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.settings import Values
from webui.console.ports import HOST

CELERY = (sys.executable, "-m", "celery")
ROLES = ("ingest", "driver", "receiver", "monitor", "beat", "flower", "api", "dashboard")


class Check(StrEnum):
    """How a program's health is asked for: `report.py` has the function of each."""

    SERVER = "server"  # by the server's own protocol
    WORKER = "worker"  # GET /health tells it in JSON
    WEB = "web"  # GET /health/live answers 200
    FLOWER = "flower"  # GET / answers
    BEAT = "beat"
    ALIVE = "alive"  # nothing to ask: it runs or it does not


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
        return f"http://{HOST}:{self.port}" if self.port else None


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


def _worker(role: str, number: int, port: int, threads: int, level: str | None) -> Program:
    name = f"{role}-{number}"
    options = ["-Q", role, "-P", "threads", "-c", str(threads), "-n", f"{name}@%h"]
    options += [f"--loglevel={level}"] if level else []  # else Celery's own, which does not tell of each task
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


def web(face: str, port: int) -> Program:
    """uvicorn with the ASGI application; `face`: what it shows at /."""
    options = ["--host", HOST, "--port", str(port), "--workers", "1", "--timeout-graceful-shutdown", "5"]
    options += ["--no-access-log"]  # probes would fill it
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


def _workers(
    role: str, count: int, threads: int, first: int | None, free: Callable[[str], int], level: str | None
) -> list[Program]:
    """`count` workers; the first on the port `first`, if it has one, the others on ports from `free`."""
    return [
        _worker(role, number, first if first and number == 1 else free(f"{role}-{number}"), threads, level)
        for number in range(1, count + 1)
    ]


def all_processes(values: Values, fixed: Fixed, free: Callable[[str], int]) -> list[Program]:
    """Every process but the servers. `free` gives a name's kept port. Raises SettingsError."""
    ingests = values.number("TICKERLINE_INGESTS", 1, 1, 64)
    drivers = values.number("TICKERLINE_DRIVERS", 1, 1, 64)
    receivers = values.number("TICKERLINE_RECEIVERS", 1, 1, 64)
    scheduler = ["--scheduler", "django_celery_beat.schedulers:DatabaseScheduler", "--max-interval", "5", "--pidfile="]
    flower = [f"--address={HOST}", f"--port={fixed.flower}", "--max_tasks=5000", "--purge_offline_workers=300"]
    level = values.text("TICKERLINE_LOG_LEVEL")
    return [
        *_workers("ingest", ingests, 4, None, free, level),
        *_workers("driver", drivers, 2, fixed.driver, free, level),
        *_workers("receiver", receivers, 2, fixed.receiver, free, level),
        *_workers("monitor", 1, 2, None, free, level),
        Program(
            "beat",
            "beat",
            (*CELERY, "-A", "webui.celery", "beat", *scheduler),
            Check.BEAT,
            environment={"TICKERLINE_INSTANCE": "beat"},
        ),
        Program(
            "flower",
            "flower",
            (*CELERY, "-A", "webui.celery", "flower", *flower),
            Check.FLOWER,
            fixed.flower,
            {"TICKERLINE_INSTANCE": "flower"},
        ),
        web("api", fixed.api),
        web("dashboard", fixed.dashboard),
    ]
