"""The API key goes to Alpha Vantage and to nobody else, whatever Alpha Vantage does with it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.embedded.alphavantage.limits import fingerprint
from tests.integration.simulator_process import Server, simulator
from tests.support import traces
from tests.support.servers import wait_until
from tests.support.system import System, call
from tests.support.traces import Events, Places, RedisTraffic, Trace
from tests.support.watchlist import WATCHLIST

CANARY = "CANARYKEY7F3A"
# What quotes the key, and what breaks in a way that libraries quote the URL for; and the kind that each ends in.
FAULTS = {
    "QUOTED": ("key-quoted", "bad_call"),
    "BADKEY": ("key-missing", "bad_key"),
    "RESET": ("reset", "transport"),
    "CUTOFF": ("cut-off", "transport"),
    "AWAY": ("unavailable", "transport"),
    "HTML": ("html", None),
    "HALF": ("truncated", None),
    "NEWS": ("unknown-information", None),
}
LIMIT = "LIMIT"  # closes the day, so it comes last
START_S = 240.0  # half a minute, where nothing else runs
DEADLINE_S = 90.0  # for what takes a second or two on a quiet machine
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with simulator(tmp_path_factory.mktemp("simulator")) as server:
        yield server


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, api: Server) -> Iterator[System]:
    """A system with a key, which logs all that it can. It is its own: no other test's system may have a key."""
    settings = {"ALPHAVANTAGE_API_KEY": CANARY, "ALPHAVANTAGE_URL": f"http://{api.address}", "TICKERLINE_PLAN": "none"}
    system = System(tmp_path_factory.mktemp("keyed"), settings | {"TICKERLINE_LOG_LEVEL": "DEBUG"})
    try:
        done = system.manage("up", "--detach", "--deadline", str(START_S), timeout=START_S + 10)
        assert done.returncode == 0, f"up: {done.stdout}\n{done.stderr}\n{system.last_logs()}"
        yield system
    finally:
        system.down()


def order(places: Places, *symbols: str) -> dict[str, str]:
    """The fetches' ids by symbol."""
    status, answer = call(f"{places.api}/fetch", {"symbols": symbols})
    assert status == 202, answer
    return {fetch["symbol"]: fetch["id"] for fetch in answer["fetches"]}


def judged(places: Places, fetch_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The fetches by symbol, each as it was when Alpha Vantage's answer to it was first seen.

    Waiting for a permit is no answer. One that is asked again goes on changing, so they need not be there all at once.
    """
    found: dict[str, dict[str, Any]] = {}
    missing = set(fetch_ids)

    def known() -> bool:
        for fetch_id in list(missing):
            record = call(f"{places.api}/fetches/{fetch_id}")[1]
            waits = record["state"] == "waiting" and record["kind"] != "quota"
            if waits or record["state"] in ("succeeded", "failed"):
                found[record["symbol"]] = record
                missing.remove(fetch_id)
        return not missing

    wait_until(known, "each fetch is answered", DEADLINE_S)
    return found


def holders(found: Iterable[Trace], *there: str) -> list[str]:
    """Where the key is. `there`: what the place is known to have, so that nobody looks into an empty one."""
    everything = [(where, what.decode("utf-8", "replace")) for where, what in found]
    missing = [word for word in there if not any(word in f"{where} {what}" for where, what in everything)]
    assert not missing, f"not found, of what is surely there: {missing} in {[where for where, _ in everything]}"
    return [where for where, what in everything if CANARY.lower() in what.lower()]


def test_the_key_is_in_nothing_that_is_logged_kept_sent_or_shown(keyed: System, api: Server) -> None:
    for symbol, (fault, _) in {**FAULTS, LIMIT: ("daily-limit", None)}.items():
        api.control(fault={"name": fault, "symbol": symbol})
    places = Places.of(keyed)
    with RedisTraffic(places.redis) as traffic:
        events = Events(places.aws)
        ids = order(places, "NVDA", *FAULTS)
        records = judged(places, ids.values())
        ids |= order(places, LIMIT)
        records |= judged(places, [ids[LIMIT]])
        wait_until(lambda: ids["NVDA"] in events.heard(), "the good fetch is announced", DEADLINE_S)
        by_command = [traces.printed(keyed.manage(*words)) for words in (("status",), ("plan",))]
        wait_until(lambda: all(one in traffic.heard() for one in ids.values()), "Redis got each task", DEADLINE_S)

    assert records["NVDA"]["state"] == "succeeded"
    expected = {symbol: kind for symbol, (_, kind) in FAULTS.items() if kind} | {LIMIT: "daily"}
    assert {symbol: records[symbol]["kind"] for symbol in expected} == expected
    assert all(records[symbol]["kind"] for symbol in FAULTS)
    assert_sent(api, {*WATCHLIST, *FAULTS, "NVDA", LIMIT})

    assert holders(events.traces, ids["NVDA"]) == []
    # What is planned depends on the day: before a holiday nothing may be due.
    assert holders(by_command, "ingest-1", "need nothing in these 24 hours") == []
    assert holders([traffic.trace], *ids.values()) == []
    assert holders(traces.documents(places), *ids.values(), "Time Series (Daily)") == []
    assert holders(traces.redis_values(places), ":quota:", "closed") == []
    assert holders(traces.api_answers(places, "NVDA", ids.values()), *ids.values(), *ids) == []
    assert holders(traces.worker_pages(places), "driver", "receiver", "tickerline_") == []
    assert holders(traces.flower_pages(places), *ids.values(), "ingest.fetch") == []
    # The HTTP client tells of each request with its URL; so it got into the worker's log, but for the key.
    assert (
        holders(traces.logs(keyed.data), "ingest-1.log", "symbol=QUOTED&outputsize=compact&apikey=***", "DEBUG") == []
    )


def assert_sent(api: Server, symbols: set[str]) -> None:
    """What is searched for was in use: each request came with this key and no other, and its quotes came back."""
    counted = api.control()["requests"]
    assert list(counted["keys"]) == [fingerprint(CANARY)]
    assert {name.partition(" ")[2] for name in counted["functions"]} >= symbols
    for symbol in ("QUOTED", LIMIT):
        assert CANARY.encode() in api.ask(f"/query?function=TIME_SERIES_DAILY&symbol={symbol}&apikey={CANARY}").body


def content(path: Path) -> bytes:
    """Nothing of a file that has gone since."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def test_the_key_is_in_no_file_but_the_addresses_which_their_owner_alone_can_read(keyed: System) -> None:
    """Commands in a second shell need it from there."""
    addresses = keyed.data / "run" / "addresses.json"
    assert CANARY in addresses.read_text()
    files = [path for path in keyed.data.rglob("*") if path.is_file()]
    assert {"django.sqlite3", "data.mdb", "WiredTiger.wt", "api.log"} <= {path.name for path in files}
    found = [path for path in files if CANARY.encode() in content(path)]
    assert found == [addresses]
    assert addresses.stat().st_mode & 0o077 == 0
