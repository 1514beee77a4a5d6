"""The API key goes to Alpha Vantage and to nobody else, whatever Alpha Vantage does with it."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline.adapters.aws.connection import client
from pipeline.embedded.alphavantage.limits import fingerprint
from tests.integration.simulator_process import Server, simulator
from tests.support import traces
from tests.support.servers import wait_until
from tests.support.system import System, call
from tests.support.traces import RedisTraffic, Trace
from tests.support.watchlist import WATCHLIST

CANARY = "CANARYKEY7F3A"
# What quotes the key, and what breaks in a way that libraries quote the URL for. The last one closes the day.
FAULTS = {
    "QUOTED": "key-quoted",
    "BADKEY": "key-missing",
    "RESET": "reset",
    "CUTOFF": "cut-off",
    "AWAY": "unavailable",
    "HTML": "html",
    "HALF": "truncated",
    "NEWS": "unknown-information",
    "LIMIT": "daily-limit",
}
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with simulator(tmp_path_factory.mktemp("simulator")) as server:
        yield server


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, api: Server) -> Iterator[System]:
    """A system with a key, which logs all that it can."""
    settings = {"ALPHAVANTAGE_API_KEY": CANARY, "ALPHAVANTAGE_URL": f"http://{api.address}", "TICKERLINE_PLAN": "none"}
    system = System(tmp_path_factory.mktemp("keyed"), settings | {"TICKERLINE_LOG_LEVEL": "DEBUG"})
    try:
        system.up()
        yield system
    finally:
        system.down()


@contextmanager
def another_subscriber(system: System) -> Iterator[list[Trace]]:
    """Every event that goes out meanwhile; there when it ends."""
    events: list[Trace] = []
    endpoint = system.status()["servers"]["aws"]["url"]
    sns, sqs = client("sns", endpoint), client("sqs", endpoint)
    queue_url = sqs.create_queue(QueueName="another")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for topic in sns.list_topics()["Topics"]:
        sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn)
    yield events
    while found := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in found:
            events.append(("event", json.dumps(message).encode()))
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


def order(system: System, symbol: str) -> str:
    status, answer = call(f"{system.url('api')}/fetch", {"symbols": [symbol]})
    assert status == 202, answer
    return str(answer["fetches"][0]["id"])


def refused(system: System, fetch_id: str) -> dict[str, Any]:
    """The fetch, once Alpha Vantage's answer to it is known."""
    record: dict[str, Any] = {}

    def known() -> bool:
        record.update(call(f"{system.url('api')}/fetches/{fetch_id}")[1])
        return bool(record["state"] == "failed" or (record["state"] == "waiting" and record["kind"] != "quota"))

    wait_until(known, f"the fetch of {fetch_id} is refused", 30)
    return record


def holders(found: Iterable[Trace]) -> list[str]:
    """Where the key is. There must be something to look at."""
    everything = list(found)
    assert any(what for _, what in everything)
    return [where for where, what in everything if CANARY.lower() in what.decode("utf-8", "replace").lower()]


def test_the_key_is_in_nothing_that_is_logged_kept_sent_or_shown(keyed: System, api: Server) -> None:
    for symbol, fault in FAULTS.items():
        api.control(fault={"name": fault, "symbol": symbol})
    with RedisTraffic(keyed) as traffic, another_subscriber(keyed) as events:
        good = order(keyed, "NVDA")
        wait_until(lambda: call(f"{keyed.url('api')}/fetches/{good}")[1]["state"] == "succeeded", "a good fetch", 30)
        fetch_ids = {symbol: order(keyed, symbol) for symbol in FAULTS if symbol != "LIMIT"}
        records = {symbol: refused(keyed, fetch_id) for symbol, fetch_id in fetch_ids.items()}
        fetch_ids["LIMIT"] = order(keyed, "LIMIT")
        records["LIMIT"] = refused(keyed, fetch_ids["LIMIT"])
        by_command = [traces.printed(keyed.manage(*words)) for words in (("status",), ("plan",))]
    kinds = {symbol: record["kind"] for symbol, record in records.items()}
    assert (kinds["QUOTED"], kinds["BADKEY"], kinds["RESET"], kinds["LIMIT"]) == (
        "bad_call", "bad_key", "transport", "daily",
    )  # fmt: skip
    assert events, "the good fetch was announced"
    assert holders([*events, *by_command, traffic.trace]) == []
    assert holders(traces.documents(keyed)) == []
    assert holders(traces.redis_values(keyed)) == []
    assert holders(traces.api_answers(keyed, "NVDA", [good, *fetch_ids.values()])) == []
    assert holders(traces.worker_pages(keyed)) == []
    assert holders(traces.flower_pages(keyed)) == []
    assert holders(traces.logs(keyed)) == []


def test_the_key_is_in_no_file_but_the_addresses_which_their_owner_alone_can_read(keyed: System) -> None:
    """Commands in a second shell need it from there."""
    addresses = keyed.data / "run" / "addresses.json"
    assert CANARY in addresses.read_text()
    files = [path for path in keyed.data.rglob("*") if path.is_file()]
    found = [path for path in files if CANARY.encode() in path.read_bytes()]
    assert found == [addresses]
    assert addresses.stat().st_mode & 0o077 == 0


def test_the_key_was_sent(api: Server, keyed: System) -> None:
    """The tests above look for a key that was in use, and the simulator knows how to quote it."""
    assert CANARY.encode() in api.ask(f"/query?function=TIME_SERIES_DAILY&symbol=QUOTED&apikey={CANARY}").body
    counted = api.control()["requests"]["keys"]
    assert list(counted) == [fingerprint(CANARY)]
    assert counted[fingerprint(CANARY)]["sent"] > len(WATCHLIST) + len(FAULTS)
