"""The status of the running system: what supervisord sees, and a real probe of everything, made now.

`gather` returns the object that `status --json` prints; docs/status.md describes it.
"""

import http.client
import json
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pipeline import bootstrap
from pipeline.domain.errors import Unavailable
from pipeline.domain.health import Health
from pipeline.embedded.kafka import read_incarnation
from pipeline.embedded.probes import http_get, http_status, part_trouble, trouble
from pipeline.embedded.servers import kafka_state
from pipeline.settings import SERVERS, Settings, load
from pipeline.settings.accumulo import AccumuloSettings
from webui.console.place import Place, read_json, write_json
from webui.console.processes import ROLES, Check, Program
from webui.console.supervision import Seen, State, Supervisor

PROBE_S = 1.5
START_UP_S = 20.0  # how long a process may take until it answers, on a busy machine
UNSEEN = Seen(None, State.STOPPED, 0, 0.0)
CONFIGURED = Seen(None, State.RUNNING, 0, 0.0)  # a server that somebody else runs
SECRET = re.compile("pass|secret|token|key|properties", re.IGNORECASE)
ALRIGHT = (Health.OK, Health.WAITING)  # a worker that waits says that nothing is wrong with it


@dataclass
class System:
    """What `up` notes of the system it started, for every other command.

    `restarts` are those counted before the present supervisord, `ports` those of the servers that it started, `parts` the further
    programs of these, by the server's name, with the port of each.
    """

    processes: list[Program]
    ports: dict[str, int]
    topic_arn: str | None = None
    queue_url: str | None = None
    restarts: dict[str, int] = field(default_factory=dict)
    parts: dict[str, dict[str, int]] = field(default_factory=dict)

    def save(self, place: Place) -> None:
        write_json(place.system, asdict(self))

    @property
    def part_ports(self) -> list[tuple[str, int]]:
        """Every program of a server that has parts, its main one too, with its port."""
        return [one for name, parts in self.parts.items() for one in {name: self.ports[name], **parts}.items()]

    @classmethod
    def read(cls, place: Place) -> "System | None":
        value = read_json(place.system)
        if not value:
            return None
        processes = [
            Program(**program | {"command": tuple(program["command"]), "check": Check(program["check"])})
            for program in value.pop("processes")
        ]
        return cls(processes=processes, **value)


@dataclass(frozen=True)
class Probed:
    """`document` is a worker's own account of itself."""

    health: Health
    document: dict[str, Any] | None = None


def _worker(program: Program, _settings: Settings) -> Probed:
    _, body = http_get(program.health_url, PROBE_S)
    document = json.loads(body)
    return Probed(Health(document["status"]), document)


def _web(program: Program, _settings: Settings) -> Probed:
    return Probed(Health.OK if http_status(program.health_url, PROBE_S) == 200 else Health.FAILING)


def _flower(program: Program, _settings: Settings) -> Probed:
    return Probed(Health.OK if http_status(program.health_url, PROBE_S) < 500 else Health.FAILING)


def _beat(_program: Program, settings: Settings) -> Probed:
    """beat answers nothing over HTTP: that its task arrived at a monitor within 10 s says that it works."""
    try:
        roles = {heartbeat.role for heartbeat in bootstrap.live_channel(settings).heartbeats()}
    except Unavailable as error:
        raise ConnectionError(str(error)) from None
    if "beat" not in roles:
        raise ConnectionError("no heartbeat")
    return Probed(Health.OK)


def _alive(_program: Program, _settings: Settings) -> Probed:
    return Probed(Health.OK)


CHECKS: dict[Check, Callable[[Program, Settings], Probed]] = {
    Check.WORKER: _worker,
    Check.WEB: _web,
    Check.FLOWER: _flower,
    Check.BEAT: _beat,
    Check.ALIVE: _alive,
}


def probe(program: Program, seen: Seen, settings: Settings) -> Probed:
    """A program that was started a moment ago, and does not answer yet, is `starting`; else no answer is `failing`."""
    if seen.pid is None:
        return Probed(Health.FAILING)
    try:
        return CHECKS[program.check](program, settings)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return Probed(Health.STARTING if _is_young(seen) else Health.FAILING)


def _is_young(seen: Seen) -> bool:
    return seen.pid is not None and time.time() - seen.started < START_UP_S


def ticks_flow(probed: Mapping[str, Probed]) -> bool:
    """True when a monitor says that its stage `show` is ok: ticks reach the last hop."""
    stages = [stage for one in probed.values() if one.document for stage in one.document.get("stages", [])]
    return any(stage.get("stage") == "show" and stage.get("health") == Health.OK for stage in stages)


def gather(place: Place, system: System) -> dict[str, Any]:
    """Probe everything at once. Raises ConsoleError when supervisord does not answer, SettingsError."""
    # The running system's own addresses, whatever this shell's environment says.
    settings = load({"TICKERLINE_DATA": str(place.data)})
    seen = Supervisor(place).seen()
    with ThreadPoolExecutor(max_workers=32) as pool:
        asked_alone = [name for name in SERVERS if name != "accumulo" or settings.accumulo]
        servers = {name: pool.submit(trouble, name, settings, PROBE_S) for name in asked_alone}
        servers |= {program: pool.submit(part_trouble, program, port, PROBE_S) for program, port in system.part_ports}
        asked = {
            program.name: pool.submit(probe, program, seen.get(program.name, UNSEEN), settings)
            for program in system.processes
        }
        troubles = {name: future.result() for name, future in servers.items()}
        probed = {name: future.result() for name, future in asked.items()}
    processes = _processes(system, seen, probed)
    report = {"ready": False, "servers": _servers(place, system, settings, seen, troubles), "processes": processes}
    if settings.accumulo is None:
        report["servers"]["accumulo"] = _embedded_table(settings, processes)  # type: ignore[index]
    report["ready"] = all_well(report) and ticks_flow(probed)
    return report


def all_well(report: Mapping[str, Any]) -> bool:
    entries = [*report["servers"].values(), *(entry for role in report["processes"].values() for entry in role)]
    return all(entry["state"] == State.RUNNING and entry["health"] in ALRIGHT for entry in entries)


def _processes(
    system: System, seen: Mapping[str, Seen], probed: Mapping[str, Probed]
) -> dict[str, list[dict[str, Any]]]:
    roles: dict[str, list[dict[str, Any]]] = {role: [] for role in ROLES}
    for program in system.processes:
        now = seen.get(program.name, UNSEEN)
        entry = {
            "name": program.name,
            "pid": now.pid,
            "state": now.state,
            "health": probed[program.name].health,
            "restarts": _restarts(system, program.name, now),
            "embedded": True,
        }
        roles.setdefault(program.role, []).append(entry | ({"url": program.url} if program.url else {}))
    return roles


def _restarts(system: System, name: str, now: Seen) -> int:
    return system.restarts.get(name, 0) + max(0, now.starts - 1)


def _servers(
    place: Place, system: System, settings: Settings, seen: Mapping[str, Seen], troubles: Mapping[str, str | None]
) -> dict[str, dict[str, Any]]:
    entries = {}
    programs = dict(system.part_ports)
    shown: dict[str, dict[str, Any]] = _addresses(place, system, settings)
    for name, address in (shown | {name: shown.get(name, {}) for name in programs}).items():
        embedded = name in system.ports or name in programs
        now = seen.get(name, UNSEEN) if embedded else CONFIGURED
        health = Health.OK if troubles[name] is None else Health.STARTING if _is_young(now) else Health.FAILING
        entries[name] = address | {
            "pid": now.pid,
            "state": now.state,
            "health": health,
            "restarts": _restarts(system, name, now),
            "embedded": embedded,
        }
    return entries


def _addresses(place: Place, system: System, settings: Settings) -> dict[str, dict[str, Any]]:
    kafka = {"bootstrap_servers": settings.kafka.bootstrap_servers, "topic": settings.kafka.topic}
    if settings.kafka.embedded:
        kafka["incarnation"] = read_incarnation(kafka_state(place.run)) or ""
    return {
        "redis": {"url": without_password(settings.redis_url)},
        "mongodb": {"url": without_password(settings.mongodb_uri)},
        "kafka": kafka,
        "aws": {"url": settings.aws.endpoint_url, "topic_arn": system.topic_arn, "queue_url": system.queue_url},
        "alphavantage": {"url": without_password(settings.alphavantage.url)},
        **({"accumulo": _accumulo(settings.accumulo)} if settings.accumulo else {}),
    }


def _accumulo(accumulo: AccumuloSettings) -> dict[str, Any]:
    return {"instance": accumulo.instance, "zookeepers": accumulo.zookeepers}


def _embedded_table(settings: Settings, processes: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The embedded table is no process: the receiver has it open, and its state is the receiver's."""
    receiver = (
        processes.get("receiver") or [{"pid": None, "state": State.STOPPED, "health": Health.FAILING, "restarts": 0}]
    )[0]
    shared = {name: receiver[name] for name in ("pid", "state", "health", "restarts")}
    return {"path": str(settings.table_dir), **shared, "embedded": True}


def without_password(url: str) -> str:
    """The URL with *** for its password, and without what may be a secret in its query."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        user, _, hosts = parts.netloc.rpartition("@")
        name, colon, _ = user.partition(":")
        parts = parts._replace(netloc=f"{name}{':***' if colon else ''}@{hosts}")
    query = [(name, value) for name, value in parse_qsl(parts.query) if not SECRET.search(name)]
    return urlunsplit(parts._replace(query=urlencode(query)))
