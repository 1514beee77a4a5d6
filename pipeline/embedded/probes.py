"""Whether a server answers, embedded or not: one real question to each, with a short deadline.

Needs no permission beyond that of connecting. A reason names the error's type only, for its text may hold a password.
"""

import http.client
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from pipeline.settings import SIMULATOR, Settings


def http_status(url: str, timeout_s: float) -> int:
    """The status of a GET, straight to its host: proxies of the environment are not for the system's own parts."""
    return http_get(url, timeout_s)[0]


def http_get(url: str, timeout_s: float) -> tuple[int, bytes]:
    """Status and at most 1 MB of the body of a GET. OSError or HTTPException when there is no answer."""
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        return response.status, response.read(1_000_000)
    finally:
        connection.close()


def _expect(answered: bool, what: str) -> None:
    if not answered:
        raise ConnectionError(what)


def _connects(url: str, timeout_s: float) -> None:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    socket.create_connection((parts.hostname or "", port), timeout_s).close()


def _redis(settings: Settings, timeout_s: float) -> None:
    import redis

    with redis.Redis.from_url(settings.redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s) as client:
        _expect(bool(client.ping()), "no PONG")


def _mongodb(settings: Settings, timeout_s: float) -> None:
    import pymongo

    wait_ms = int(timeout_s * 1000)
    with pymongo.MongoClient[dict[str, object]](
        settings.mongodb_uri, serverSelectionTimeoutMS=wait_ms, connectTimeoutMS=wait_ms, socketTimeoutMS=wait_ms
    ) as client:
        client.admin.command("ping")


def _kafka(settings: Settings, timeout_s: float) -> None:
    from confluent_kafka.admin import AdminClient

    servers = {"bootstrap.servers": settings.kafka.bootstrap_servers, "log_level": "0"}
    client = AdminClient({**servers, **dict(settings.kafka.security)})
    _expect(bool(client.list_topics(timeout=timeout_s).brokers), "no broker")


def _aws(settings: Settings, timeout_s: float) -> None:
    if settings.aws.endpoint_url is None:  # a question to real AWS costs money and rights: reaching it is enough here
        _connects(settings.aws.queue_url or "", timeout_s)
    else:
        _expect(http_status(settings.aws.endpoint_url, timeout_s) < 500, "an error of the server")


def _alphavantage(settings: Settings, timeout_s: float) -> None:
    if settings.source == SIMULATOR and "alphavantage" in settings.embedded:
        _expect(http_status(f"{settings.alphavantage.url}/health", timeout_s) == 200, "not healthy")
    else:  # a question would cost one of the day's 25
        _connects(settings.alphavantage.url, timeout_s)


def _accumulo(settings: Settings, timeout_s: float) -> None:
    from pipeline.embedded.real_accumulo.asking import zookeeper_answers

    zookeepers = settings.accumulo.zookeepers.split(",") if settings.accumulo else []
    addresses = [urlsplit(f"//{address.strip()}") for address in zookeepers]
    answered = any(zookeeper_answers(one.port or 2181, timeout_s, one.hostname or "") for one in addresses)
    _expect(answered, "no ZooKeeper")


PROBES: dict[str, Callable[[Settings, float], None]] = {
    "redis": _redis,
    "mongodb": _mongodb,
    "kafka": _kafka,
    "aws": _aws,
    "accumulo": _accumulo,
    "alphavantage": _alphavantage,
}


def trouble(name: str, settings: Settings, timeout_s: float) -> str | None:
    """None when the server answers within about `timeout_s` seconds, else what was wrong, in a word."""
    try:
        PROBES[name](settings, timeout_s)
    except Exception as error:  # each client has errors of its own, and any of them means: no answer
        return type(error).__name__
    return None


def part_trouble(program: str, port: int, timeout_s: float) -> str | None:
    """The same of one program of the real Accumulo, on loopback."""
    from pipeline.embedded.real_accumulo.asking import answers

    return None if answers(program.removeprefix("accumulo-"), port, timeout_s) else f"{program} does not answer"
