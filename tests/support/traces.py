"""Everything that a running system says or keeps, as bytes, by where it is: what a secret must not be in."""

import json
import socket
import subprocess
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import redis
from pymongo import MongoClient

from tests.support.servers import wait_until
from tests.support.system import System

Trace = tuple[str, bytes]  # where, what


def logs(system: System) -> Iterator[Trace]:
    for path in (system.data / "log").iterdir():
        yield f"log {path.name}", path.read_bytes()


def documents(system: System) -> Iterator[Trace]:
    """Every document of every database, in the order of the server; packed replies unpacked."""
    with MongoClient[dict[str, Any]](system.status()["servers"]["mongodb"]["url"]) as client:
        for database in client.list_database_names():
            for collection in client[database].list_collection_names():
                for document in client[database][collection].find():
                    packed = [value for value in document.values() if isinstance(value, bytes)]
                    where = f"MongoDB {database}.{collection} {document.get('_id')}"
                    yield where, b"\n".join([repr(document).encode(), *map(_unpacked, packed)])


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def redis_values(system: System) -> Iterator[Trace]:
    """Every key of every database with its value, whatever its type."""
    url = system.status()["servers"]["redis"]["url"]
    with redis.Redis.from_url(url) as client:
        used = [int(name.removeprefix("db")) for name in client.info("keyspace")]
    for number in used:
        with redis.Redis.from_url(url, db=number) as client:
            for key in client.scan_iter():
                yield f"Redis {number} {key!r}", key + b" " + repr(_value(client, key)).encode()


def _value(client: Any, key: bytes) -> Any:
    """None for one that has gone since."""
    match client.type(key):
        case b"none":
            return None
        case b"string":
            return client.get(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case b"set":
            return client.smembers(key)
        case b"zset":
            return client.zrange(key, 0, -1, withscores=True)
        case b"hash":
            return client.hgetall(key)
        case b"stream":
            return client.xrange(key)
        case other:
            raise AssertionError(f"{key!r} is a {other!r}, which nobody looks into")


class RedisTraffic:
    """Each command that Redis gets while this is open: what it keeps for a moment only (messages, events, results) too."""

    def __init__(self, system: System) -> None:
        place = urlsplit(system.status()["servers"]["redis"]["url"])
        self._socket = socket.create_connection((place.hostname or "", place.port or 0))
        self._received = bytearray()
        self._thread = threading.Thread(target=self._read, name="redis-traffic")

    def __enter__(self) -> Self:
        self._socket.sendall(b"MONITOR\r\n")
        self._thread.start()
        wait_until(lambda: self._received.startswith(b"+OK"), "Redis tells its commands")
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()

    def _read(self) -> None:
        while piece := self._socket.recv(65_536):
            self._received += piece

    @property
    def trace(self) -> Trace:
        return "Redis traffic", bytes(self._received)


def pages(base: str, paths: Iterable[str]) -> Iterator[Trace]:
    """The answers to GETs, refusals too, with their headers."""
    for path in paths:
        try:
            with urllib.request.urlopen(base + path, timeout=20) as answer:
                yield f"GET {path}", str(answer.headers).encode() + answer.read()
        except urllib.error.HTTPError as error:
            with error:
                yield f"GET {path}", str(error.headers).encode() + error.read()


def api_answers(system: System, symbol: str, fetch_ids: Iterable[str]) -> Iterator[Trace]:
    """Of every GET that the API documents, of the pages, and of what does not exist."""
    base = system.url("api")
    with urllib.request.urlopen(f"{base}/openapi.json", timeout=20) as answer:
        described: dict[str, Any] = json.loads(answer.read())["paths"]
    ids = list(fetch_ids)
    paths = ["/", "/openapi.json", "/metrics", "/admin/login/", "/dashboard/", "/nothing", "/api/v1/nothing"]
    for path in (path for path, methods in described.items() if "get" in methods):
        filled = path.replace("{symbol}", symbol)
        paths += [filled.replace("{fetch_id}", one) for one in ids] if "{fetch_id}" in path else [filled]
    return pages(base, paths)


def worker_pages(system: System) -> Iterator[Trace]:
    for role in ("driver", "receiver"):
        yield from pages(system.url(role), ["/health", "/metrics"])


def flower_pages(system: System) -> Iterator[Trace]:
    """The list of tasks with its rows, each fetch's own page, and those of the workers and the broker."""
    base = system.url("flower")
    rows = {
        "draw": 1,
        "start": 0,
        "length": 5000,
        "order[0][column]": 0,
        "order[0][dir]": "desc",
        "columns[0][data]": "received",
    }
    table = f"/tasks/datatable?{urlencode(rows)}"
    with urllib.request.urlopen(base + table, timeout=20) as answer:
        tasks = json.loads(answer.read())["data"]
    of_fetches = [task for task in tasks if task["name"] == "ingest.fetch"]
    assert of_fetches, "Flower shows the fetches"
    workers = {task["worker"] for task in tasks if task["worker"]}
    paths = ["/", "/tasks", table, "/broker", "/metrics", *(f"/worker/{name}" for name in sorted(workers))]
    return pages(base, [*paths, *(f"/task/{task['uuid']}" for task in of_fetches)])


def printed(done: "subprocess.CompletedProcess[str]") -> Trace:
    """What a command says, well or not."""
    return f"manage.py {done.args}", (done.stdout + done.stderr).encode()
