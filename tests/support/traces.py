"""Everything that a running system says or keeps, as bytes, by where it is: what a secret must not be in."""

import base64
import json
import re
import socket
import subprocess
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import redis
from pymongo import MongoClient

from pipeline.adapters.aws.connection import client
from tests.support.servers import wait_until
from tests.support.system import System

Trace = tuple[str, bytes]  # where, what


@dataclass(frozen=True)
class Places:
    """The addresses of a running system, asked for once: they stay what they are."""

    api: str
    flower: str
    workers: dict[str, str]
    redis: str
    mongodb: str
    aws: str

    @classmethod
    def of(cls, system: System) -> Self:
        status = system.status()
        urls = {role: entries[0].get("url", "") for role, entries in status["processes"].items()}
        servers = {name: str(status["servers"][name]["url"]) for name in ("redis", "mongodb", "aws")}
        return cls(urls["api"], urls["flower"], {role: urls[role] for role in ("driver", "receiver")}, **servers)


def logs(data: Path) -> Iterator[Trace]:
    for path in (data / "log").iterdir():
        yield f"log {path.name}", path.read_bytes()


def documents(places: Places) -> Iterator[Trace]:
    """Every document of every database, in the order of the server; packed replies unpacked."""
    with MongoClient[dict[str, Any]](places.mongodb) as server:
        for database in server.list_database_names():
            for collection in server[database].list_collection_names():
                for document in server[database][collection].find():
                    packed = [value for value in document.values() if isinstance(value, bytes)]
                    where = f"MongoDB {database}.{collection} {document.get('_id')}"
                    yield where, b"\n".join([repr(document).encode(), *map(_unpacked, packed)])


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def redis_values(places: Places) -> Iterator[Trace]:
    """Every key of every database with its value, whatever its type."""
    with redis.Redis.from_url(places.redis) as server:
        used = [int(name.removeprefix("db")) for name in server.info("keyspace")]
    for number in used:
        with redis.Redis.from_url(places.redis, db=number) as database:
            for key in database.scan_iter():
                yield f"Redis {number} {key!r}", key + b" " + repr(_value(database, key)).encode()


def _value(database: Any, key: bytes) -> Any:
    """None for one that has gone since."""
    match database.type(key):
        case b"none":
            return None
        case b"string":
            return database.get(key)
        case b"list":
            return database.lrange(key, 0, -1)
        case b"set":
            return database.smembers(key)
        case b"zset":
            return database.zrange(key, 0, -1, withscores=True)
        case b"hash":
            return database.hgetall(key)
        case b"stream":
            return database.xrange(key)
        case other:
            raise AssertionError(f"{key!r} is a {other!r}, which nobody looks into")


class RedisTraffic:
    """Each command that Redis gets while this is open: what it keeps for a moment only (messages, events, results) too."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
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

    def heard(self) -> str:
        """So far. Messages are in base64 within the broker's envelope: they are there both ways."""
        received = bytes(self._received)
        bodies = re.findall(rb'\\"body\\": \\"([A-Za-z0-9+/=]+)\\"', received)
        return b"\n".join([received, *map(base64.b64decode, bodies)]).decode("utf-8", "replace")

    @property
    def trace(self) -> Trace:
        return "Redis traffic", self.heard().encode()


class Events:
    """Every event that goes out from now on, by a queue of its own at the emulator."""

    def __init__(self, endpoint: str) -> None:
        sns, self._sqs = client("sns", endpoint), client("sqs", endpoint)
        self._queue = self._sqs.create_queue(QueueName="traces")["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        topics = sns.list_topics()["Topics"]
        assert topics, "there is a topic to listen to"
        for topic in topics:
            sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=asked["Attributes"]["QueueArn"])
        self.traces: list[Trace] = []

    def heard(self) -> str:
        """All so far."""
        for message in self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", ()):
            self.traces.append(("event", json.dumps(message).encode()))
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return "\n".join(what.decode() for _, what in self.traces)


def pages(base: str, paths: Iterable[str]) -> Iterator[Trace]:
    """The answers to GETs, refusals too, with their headers."""
    for path in paths:
        try:
            with urllib.request.urlopen(base + path, timeout=20) as answer:
                yield f"GET {path}", str(answer.headers).encode() + answer.read()
        except urllib.error.HTTPError as error:
            with error:
                yield f"GET {path}", str(error.headers).encode() + error.read()


def api_answers(places: Places, symbol: str, fetch_ids: Iterable[str]) -> Iterator[Trace]:
    """Of every GET that the API documents, of the pages, and of what does not exist."""
    base = places.api
    with urllib.request.urlopen(f"{base}/openapi.json", timeout=20) as answer:
        described: dict[str, Any] = json.loads(answer.read())["paths"]
    ids = list(fetch_ids)
    paths = ["/", "/openapi.json", "/metrics", "/admin/login/", "/dashboard/", "/nothing", "/api/v1/nothing"]
    for path in (path for path, methods in described.items() if "get" in methods):
        filled = path.replace("{symbol}", symbol)
        paths += [filled.replace("{fetch_id}", one) for one in ids] if "{fetch_id}" in path else [filled]
    return pages(base, paths)


def worker_pages(places: Places) -> Iterator[Trace]:
    for url in places.workers.values():
        yield from pages(url, ["/health", "/metrics"])


def flower_pages(places: Places) -> Iterator[Trace]:
    """The list of tasks with its rows, each fetch's own page, and those of the workers and the broker."""
    base = places.flower
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
