"""The simulator enforces a plan's limits with the API's own words, counts requests, and is set by `/control`."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alpha_vantage.alphavantage import AlphaVantage
from alpha_vantage.timeseries import TimeSeries

from tests.integration.simulator_process import KEY, Answer, Server, run, simulator

FINGERPRINT = hashlib.sha256(KEY.encode()).hexdigest()[:12]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with simulator(tmp_path_factory.mktemp("simulator"), options=["--plan", "free"]) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    running.control(plan="free", reset=True, fault=None, now="2026-11-20T22:00:00Z")
    return running


def word_of(answer: Answer) -> str:
    """The limit that a reply speaks of; '' for a good one."""
    assert answer.status == 200
    text = answer.json().get("Information", "")
    words = {
        "more sparingly (1 request": "burst",
        "Burst pattern": "burst",
        "Minute-level": "minute",
        "detected": "day",
    }
    return next((limit for word, limit in words.items() if word in text), text)


def test_the_free_plan_answers_one_request_a_second(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        words = sorted(pool.map(lambda _: word_of(server.daily("IBM")), range(4)))
    counts = server.control()["requests"]["all"]
    # On a slow machine the four may take longer than a second, and then two are answered.
    assert words[:1] == [""]
    assert words[2:] == ["burst", "burst"]
    assert counts["sent"] == 4
    assert counts["refused"] == {"second": words.count("burst"), "minute": 0, "day": 0}


def test_a_full_day_quotes_the_key_and_ends_at_midnight_in_new_york(server: Server) -> None:
    server.control(plan={"name": "free", "per_second": None, "per_day": 2}, now="2026-11-21T04:59:59Z")
    assert [word_of(server.daily("IBM")) for _ in range(3)] == ["", "", "day"]
    assert f"API key as {KEY} and" in server.daily("IBM").json()["Information"]
    assert word_of(server.daily("IBM", datatype="csv")) == "day", "an error is JSON though CSV was asked for"
    server.control(now="2026-11-21T05:00:00Z")
    assert word_of(server.daily("IBM")) == ""


@pytest.mark.parametrize(("plan", "per_second"), [("75", 5), ("1200", 30)])
def test_a_premium_plan_refuses_a_burst_with_its_number(server: Server, plan: str, per_second: int) -> None:
    server.control(plan=plan)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.ask_for("SYMBOL_SEARCH", keywords="ibm"), range(per_second + 5)))
    words = [word_of(answer) for answer in answers]
    assert words.count("") >= per_second
    counts = server.control()["requests"]["all"]
    assert counts["answered"] == words.count("")
    for answer in answers:
        if word_of(answer) == "burst":
            assert f"no more than {per_second} requests per second" in answer.json()["Information"]


def test_the_alpha_vantage_package_raises_the_limits_words(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AlphaVantage, "_ALPHA_VANTAGE_API_URL", f"http://{server.address}/query?")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.control(plan={"name": "free", "per_second": None, "per_day": 1})
    client = TimeSeries(key=KEY)
    assert len(client.get_daily("IBM")[0]) == 100
    with pytest.raises(ValueError, match="standard API rate limit is 25 requests per day"):
        client.get_daily("IBM")


def test_a_full_minute_is_refused(server: Server) -> None:
    server.control(plan={"name": "75", "per_second": None, "per_minute": 3})
    assert [word_of(server.daily("IBM")) for _ in range(4)] == ["", "", "", "minute"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"function": "TIME_SERIES_INTRADAY", "symbol": "IBM", "interval": "5min"}, "This is a premium endpoint."),
        ({"function": "TIME_SERIES_DAILY_ADJUSTED", "symbol": "IBM"}, "This is a premium endpoint."),
        (
            {"function": "TIME_SERIES_DAILY", "symbol": "IBM", "outputsize": "full"},
            "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint.",
        ),
        (
            {"function": "GLOBAL_QUOTE", "symbol": "IBM", "entitlement": "delayed"},
            "You are not yet entitled to 15-minute delayed US market data.",
        ),
    ],
)
def test_the_free_plan_lacks_the_premium_endpoints(server: Server, asked: dict[str, str], words: str) -> None:
    server.control(plan={"name": "free", "per_second": None})
    assert (
        server.query(apikey=KEY, **asked)
        .json()["Information"]
        .startswith(f"Thank you for using Alpha Vantage! {words}")
    )
    server.control(plan="75")
    assert "Information" not in server.query(apikey=KEY, **asked).json()


def test_the_free_plan_has_weeks_months_quotes_and_the_rest(server: Server) -> None:
    server.control(plan={"name": "free", "per_second": None})
    for function in ("TIME_SERIES_WEEKLY_ADJUSTED", "TIME_SERIES_MONTHLY", "GLOBAL_QUOTE", "OVERVIEW", "MARKET_STATUS"):
        assert "Information" not in server.ask_for(function, symbol="IBM").json(), function


def test_the_demo_key_answers_the_documented_examples_alone(server: Server) -> None:
    demo = {"function": "TIME_SERIES_WEEKLY", "apikey": "demo"}
    assert "Weekly Time Series" in server.query(symbol="IBM", **demo).json()
    server.control(reset=True)
    assert server.query(symbol="MSFT", **demo).json()["Information"].startswith("The **demo** API key")


def test_counts_are_by_key_and_function_and_never_show_the_key(server: Server) -> None:
    server.control(plan="none")
    server.daily("IBM")
    server.daily("IBM")
    server.query(function="OVERVIEW", symbol="NVDA", apikey="another")
    answer = server.ask("/control")
    requests = answer.json()["requests"]
    assert requests["functions"] == {"TIME_SERIES_DAILY IBM": 2, "OVERVIEW NVDA": 1}
    assert requests["keys"][FINGERPRINT]["sent"] == 2
    assert requests["all"]["newest"] == {"second": 3, "minute": 3, "day": 3}
    assert KEY not in answer.body.decode()
    assert server.control(reset=True)["requests"]["all"]["sent"] == 0


def test_without_a_plan_nothing_is_refused(tmp_path: Path) -> None:
    with simulator(tmp_path) as server:
        assert [word_of(server.daily("IBM")) for _ in range(40)] == [""] * 40
        assert server.control()["plan"]["name"] == "none"


def test_an_unknown_plan_does_not_start(tmp_path: Path) -> None:
    ended = run(tmp_path, "--port", "0", "--plan", "gold")
    assert ended.returncode == 2
    assert "invalid choice: 'gold'" in ended.stderr


# Control


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        (b"", "Expecting value"),
        (b"[]", "body"),
        (b'{"speed": 1}', "body"),
        (b'{"now": "2026-11-20"}', "now"),
        (b'{"now": 5}', "now"),
        (b'{"plan": "gold"}', "plan"),
        (b'{"plan": {"name": "free", "per_day": -1}}', "plan.per_day"),
        (b'{"fault": "slow"}', "fault"),
        (b'{"fault": {"name": "earthquake"}}', "fault.name"),
        (b'{"fault": {"name": "slow", "seconds": "long"}}', "fault.seconds"),
        (b'{"fault": {"name": "split"}}', "fault.symbol"),
        (b'{"reset": true, "plan": "75", "now": "soon"}', "now"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_whole(server: Server, wish: bytes, named: str) -> None:
    server.daily("IBM")
    before = server.control()
    answer = server.ask("/control", "POST", wish)
    assert answer.status == 400
    assert named in answer.json()["detail"]
    after = server.control()
    assert (after["plan"], after["faults"], after["now"]) == (before["plan"], before["faults"], before["now"])
    assert after["requests"]["all"]["sent"] == 1


def test_the_clock_can_be_set_and_let_go(server: Server) -> None:
    assert server.control(now="2026-11-27T18:00:00Z")["clock"] == "fixed"
    assert server.ask("/health").json()["last_session"] == "2026-11-27", "a half day has closed by 13:00"
    server.control(now="2026-11-27T17:59:59Z")
    assert server.ask("/health").json()["last_session"] == "2026-11-25"
    assert server.control(now=None)["clock"] == "running"
