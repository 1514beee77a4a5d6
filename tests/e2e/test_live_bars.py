"""Live bars of the running system: on their topic by the published schema, right to the stored bar, and told by the API."""

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from confluent_kafka import Consumer, TopicPartition
from pymongo import MongoClient
from websockets.sync.client import connect

from pipeline.domain.times import rfc3339
from tests.support.servers import wait_until
from tests.support.system import System, call
from tests.support.watchlist import WATCHLIST

pytestmark = pytest.mark.timeout(240)
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "bar.schema.json").read_text())
TICKS_PER_BAR = 390
Json = dict[str, Any]


class BarReader:
    """Reads the topic `bars` like any client would, from its beginning."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap_servers, "group.id": "bars", "enable.auto.commit": False,
             "isolation.level": "read_committed", "auto.offset.reset": "earliest", "log_level": 0}
        )  # fmt: skip
        self._consumer.assign([TopicPartition("bars", partition, 0) for partition in range(4)])
        self.found: dict[tuple[str, str], list[Json]] = defaultdict(list)  # by symbol and interval

    def read(self) -> None:
        for message in self._consumer.consume(1000, 0.5):
            value = message.value()
            if not message.error() and value is not None:
                bar = json.loads(value)
                assert message.key() == bar["symbol"].encode()
                self.found[bar["symbol"], bar["interval"]].append(bar)

    def whole(self, symbol: str, interval: str) -> list[list[Json]]:
        """The live bars of each source bar that all ticks of were played."""
        groups: dict[tuple[str, str], list[Json]] = defaultdict(list)
        for bar in self.found[symbol, interval]:
            groups[bar["session"], bar["bar_time"]].append(bar)
        return [bars for bars in groups.values() if sum(bar["ticks"] for bar in bars) == TICKS_PER_BAR]

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def reader(system: System) -> Iterator[BarReader]:
    wait_until(system.flows, "ticks flow", 60)
    found = BarReader(system.status()["servers"]["kafka"]["bootstrap_servers"])
    yield found
    found.close()


def test_over_a_whole_source_bar_they_add_up_to_the_stored_one(system: System, reader: BarReader) -> None:
    def played() -> bool:
        reader.read()
        return all(reader.whole(symbol, interval) for symbol in WATCHLIST for interval in ("1s", "1min"))

    wait_until(played, "a whole bar of each symbol", 150)
    with MongoClient[Json](system.status()["servers"]["mongodb"]["url"], tz_aware=True) as client:
        stored = {
            (bar["symbol"], rfc3339(bar["time"])): bar
            for bar in client["tickerline_sim"]["bars"].find(
                {"interval": "daily", "symbol": {"$in": sorted(WATCHLIST)}}
            )
        }
    for (symbol, interval), bars in reader.found.items():
        for bar in bars[:3]:
            jsonschema.validate(bar, _lenient(), format_checker=jsonschema.FormatChecker())
        for parts in reader.whole(symbol, interval) if symbol in WATCHLIST else ():
            source = stored[symbol, parts[0]["bar_time"]]
            assert round(parts[0]["open"] * 10_000) == source["open"]
            assert round(max(bar["high"] for bar in parts) * 10_000) == source["high"]
            assert round(min(bar["low"] for bar in parts) * 10_000) == source["low"]
            assert round(parts[-1]["close"] * 10_000) == source["close"]
            assert sum(bar["volume"] for bar in parts) == source["volume"]
            for before, after in pairwise(parts):
                assert after["first_seq"] == before["last_seq"] + 1


def _lenient() -> Json:
    """Without `multipleOf`, which no float passes."""
    properties = {
        name: {k: v for k, v in rule.items() if k != "multipleOf"} for name, rule in SCHEMA["properties"].items()
    }
    lenient: Json = SCHEMA | {"properties": properties}
    return lenient


def test_the_api_tells_what_is_on_the_topic(system: System, reader: BarReader) -> None:
    api = system.url("api")

    def told() -> list[Json]:
        status, answer = call(f"{api}/api/v1/bars/IBM?interval=1s&limit=5")
        return answer["bars"] if status == 200 else []

    wait_until(lambda: len(told()) == 5, "five bars of IBM", 60)
    last = told()[-1]

    def arrived() -> bool:
        reader.read()
        return any(bar["first_seq"] == last["first_seq"] for bar in reader.found["IBM", "1s"])

    wait_until(arrived, "the same bar on the topic", 30)
    same = [
        bar
        for bar in reader.found["IBM", "1s"]
        if (bar["session"], bar["first_seq"]) == (last["session"], last["first_seq"])
    ]
    told_fields = last | {"start": last["time"], "symbol": "IBM", "interval": "1s"}
    assert {name: told_fields[name] for name in same[0]} == same[0]


def test_a_browser_gets_a_frame_of_bars_about_each_second(system: System) -> None:
    with connect(system.url("dashboard").replace("http", "ws") + "/ws/live?topics=bars") as socket:
        frames: list[Json] = []
        while len(frames) < 4:
            frame = json.loads(socket.recv(timeout=10))
            if frame["type"] == "bars":
                frames.append(frame)
    assert [frame["n"] - frames[0]["n"] for frame in frames] == [0, 1, 2, 3]
    assert {bar["symbol"] for frame in frames for bar in frame["bars"] if bar["interval"] == "1s"} >= WATCHLIST
