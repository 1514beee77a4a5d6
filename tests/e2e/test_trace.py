"""A tick's life on the running system: what is told is what Kafka, MongoDB and SNS have, and the times are in order."""

import json
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from pymongo import MongoClient

from pipeline.domain.times import from_rfc3339
from tests.support.servers import wait_until
from tests.support.system import System, call

pytestmark = pytest.mark.timeout(240)
STAGES = ("tick", "buffer", "forward", "show")


def newest_tick(system: System) -> bytes:
    """The next record that comes to any partition."""
    consumer = Consumer(
        {"bootstrap.servers": system.status()["servers"]["kafka"]["bootstrap_servers"], "group.id": "trace",
         "enable.auto.commit": False, "isolation.level": "read_committed", "log_level": 0}
    )  # fmt: skip
    try:
        ends = [consumer.get_watermark_offsets(TopicPartition("ticks", part), timeout=10)[1] for part in range(4)]
        consumer.assign([TopicPartition("ticks", part, end) for part, end in enumerate(ends)])
        found: list[bytes] = []

        def come() -> bool:
            found.extend(m.value() for m in consumer.consume(100, 0.2) if not m.error())  # type: ignore[misc]
            return bool(found)

        wait_until(come, "a tick comes", 30)
        return found[0]
    finally:
        consumer.close()


def test_a_tick_from_kafka_is_traced_back_to_its_fetch(system: System) -> None:
    wait_until(system.flows, "ticks flow", 60)
    line = newest_tick(system)
    tick = json.loads(line)
    url = f"{system.url('api')}/api/v1/trace/{tick['symbol']}/{tick['seq']}?session={tick['session']}"
    life: dict[str, Any] = {}

    def known() -> bool:
        status, answer = call(url)
        life.update(answer)
        return bool(status == 200 and all(life["times"][stage]["at"] for stage in STAGES))

    try:
        wait_until(known, "every time of the tick is known", 20)
    except AssertionError as error:
        raise AssertionError(f"{error}: {life}") from None
    assert life["line"].encode() == line
    times = [from_rfc3339(life["times"][stage]["at"]) for stage in STAGES]
    assert from_rfc3339(life["plan"]["planned_at"]) == from_rfc3339(tick["event_time"])
    assert times == sorted(times), life["times"]

    with MongoClient[dict[str, Any]](system.status()["servers"]["mongodb"]["url"]) as client:
        base = client["tickerline_sim"]
        bar = base["bars"].find_one({"symbol": tick["symbol"], "interval": "daily", "stored_by": life["fetch"]["id"]})
        fetch = base["fetches"].find_one({"_id": life["fetch"]["id"]})
    assert bar
    assert fetch
    assert fetch["message_id"]
    assert [event["message_id"] for event in life["fetch"]["events"]] == [fetch["message_id"]]
    assert life["fetch"]["request"]["function"] == "TIME_SERIES_DAILY"

    done = system.manage("trace", tick["symbol"], str(tick["seq"]), "--session", tick["session"], "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == life


def test_a_receiver_answers_for_its_table_and_refuses_what_is_no_batch(system: System) -> None:
    receiver = system.url("receiver")
    assert call(f"{receiver}/batches/0/1/2") == (404, {"batch": None})
    assert call(f"{receiver}/batches/0/1")[0] == 400


def test_a_tick_that_nobody_planned_is_not_found(system: System) -> None:
    done = system.manage("trace", "AAPL", "999999999")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no tick 999999999 of AAPL is planned" in done.stderr
