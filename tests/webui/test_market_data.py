"""The API's market data: coverage, CSV, quotes, companies, searches, lists of fetches, and deleting."""

import csv
import io
import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from pipeline.adapters.memory.coverage_store import MemoryCoverageStore
from pipeline.adapters.memory.lookup_store import MemoryLookupStore
from pipeline.domain.bars import Adjustment, Bar, daily_bar_time
from pipeline.domain.calendar import sessions_back
from pipeline.domain.coverage import Reason, Span, Unfillable
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.live_bars import LiveBar
from pipeline.domain.market import Company, Match, Quote
from pipeline.domain.times import rfc3339, to_ms
from pipeline.ports.watchlist_store import WatchedSymbol as Watched
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.people import permit
from webui.watchlist.models import WatchedSymbol

DAYS = sessions_back(date(2026, 11, 20), 10)
QUOTE = Quote("AAPL", DAYS[-1], 10_000, 12_000, 9_000, 11_000, 5, 10_000, -100, Decimal("-0.4259"))
COMPANY = Company("AAPL", "Apple", "NASDAQ", "USD", "USA", "TECHNOLOGY", "PHONES", "…", {"PERatio": "30"})
MATCH = Match("AAPL", "Apple", "Equity", "US", "09:30", "16:00", "UTC-04", "USD", Decimal("0.8889"))
CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}
TOKEN = {"Authorization": "Bearer a-token-of-the-test"}


def answer(response: HttpResponse, status: int = 200) -> Any:
    assert response.status_code == status, response.content
    return json.loads(response.content)


def get(api: Client, path: str, status: int = 200, headers: dict[str, str] | None = None) -> Any:
    return answer(api.get(f"/api/v1/{path}", headers=headers or {}), status)  # type: ignore[arg-type]


def bar(day: date) -> Bar:
    return Bar("AAPL", "daily", daily_bar_time(day), 1_880_000, 1_890_000, 1_870_000, 1_883_200, 1000, "simulator")


class TestCoverage:
    def test_names_gaps_and_what_cannot_be_had(self, api: Client, pipeline: FakePipeline) -> None:
        pipeline.stored["AAPL"] = [bar(day) for day in DAYS[3:] if day != DAYS[5]]
        entry = Unfillable("AAPL", "daily", Span(date(2000, 1, 1), DAYS[2]), Reason.NOT_LISTED, NOW)
        MemoryCoverageStore(pipeline.database).note([entry])
        assert get(api, "coverage/AAPL")["expected"] == 7, "from the first bar on"
        found = get(api, f"coverage/aapl?since={DAYS[0]}")
        gap = DAYS[5].isoformat()
        assert found["missing"] == [{"first": gap, "last": gap}]
        assert found["unfillable"] == [
            {
                "first": DAYS[0].isoformat(),
                "last": DAYS[2].isoformat(),
                "reason": "not_listed",
                "asked_at": "2026-11-20T22:00:00.000Z",
            }
        ]
        assert (found["expected"], found["covered"], found["missing_count"], found["unfillable_count"]) == (10, 6, 1, 3)

    def test_of_nothing_is_a_404_unless_a_day_is_given(self, api: Client, pipeline: FakePipeline) -> None:
        get(api, "coverage/AAPL", 404)
        assert get(api, f"coverage/AAPL?since={DAYS[0]}")["missing_count"] == 10

    def test_tells_the_weekdays_without_a_session(self, api: Client, pipeline: FakePipeline) -> None:
        assert get(api, "coverage/AAPL?since=2026-01-01")["closures"] == [
            "2026-01-01", "2026-01-19", "2026-02-16", "2026-04-03", "2026-05-25", "2026-06-19", "2026-07-03", "2026-09-07",
        ]  # fmt: skip

    @pytest.mark.parametrize("query", ["interval=hourly", "since=yesterday", "since=1800-01-01"])
    def test_a_malformed_question_is_refused(self, query: str, api: Client, pipeline: FakePipeline) -> None:
        get(api, f"coverage/AAPL?{query}", 422)


class TestBars:
    def test_come_as_csv_too(self, api: Client, pipeline: FakePipeline) -> None:
        pipeline.stored["BRK:B"] = [bar(day) for day in DAYS]
        response = api.get("/api/v1/bars/BRK:B?format=csv&limit=3")
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert response["Content-Disposition"] == 'attachment; filename="BRK_B-daily.csv"'
        rows = list(csv.DictReader(io.StringIO(response.content.decode())))
        assert [row["timestamp"] for row in rows] == [day.isoformat() for day in DAYS[-3:]]
        assert (rows[0]["close"], rows[0]["volume"], rows[0]["source"]) == ("188.3200", "1000", "simulator")

    def test_say_whether_they_are_forming_and_how_they_are_adjusted(self, api: Client, pipeline: FakePipeline) -> None:
        adjusted = replace(bar(DAYS[-1]), forming=True, adjustment=Adjustment(18_832_000_000, 0, 200_000_000))
        pipeline.stored["AAPL"] = [adjusted]
        (told,) = get(api, "bars/AAPL")["bars"]
        assert told["forming"] is True
        assert told["adjustment"] == {"close": 188.32, "dividend": 0.0, "split": 2.0}


LIVE = LiveBar(
    "AAPL", "1s", to_ms(NOW) // 1000, rfc3339(NOW), rfc3339(daily_bar_time(DAYS[0])), 10_000, 20_000, 5_000, 15_000, 700, 3,
    1, 3, 0, "simulator",
)  # fmt: skip


class TestLiveBars:
    @pytest.fixture(autouse=True)
    def minute(self, pipeline: FakePipeline) -> None:
        seconds = [replace(LIVE, start=LIVE.start + n, first_seq=3 * n + 1, last_seq=3 * n + 3) for n in range(60)]
        pipeline.live_bars.add([*seconds, replace(LIVE, interval="1min", last_seq=180, ticks=180, volume=42_000)])

    def test_of_a_second_and_of_a_minute_are_told(self, api: Client) -> None:
        told = get(api, "bars/aapl?interval=1s&limit=2")
        assert (told["symbol"], told["interval"], told["live"]) == ("AAPL", "1s", True)
        assert [bar["first_seq"] for bar in told["bars"]] == [175, 178]
        (minute,) = get(api, "bars/AAPL?interval=1min&live=true")["bars"]
        assert minute == {
            "time": "2026-11-20T22:00:00.000Z", "end": "2026-11-20T22:01:00.000Z", "open": 1.0, "high": 2.0, "low": 0.5,
            "close": 1.5, "volume": 42_000, "source": "simulator", "simulated": True, "session": rfc3339(NOW),
            "bar_time": rfc3339(daily_bar_time(DAYS[0])), "ticks": 180, "first_seq": 1, "last_seq": 180, "late": 0,
        }  # fmt: skip

    def test_a_range_and_csv_hold_for_them_too(self, api: Client) -> None:
        span = "start=2026-11-20T22:00:10Z&end=2026-11-20T22:00:12Z"
        assert [bar["first_seq"] for bar in get(api, f"bars/AAPL?interval=1s&{span}")["bars"]] == [31, 34, 37]
        response = api.get(f"/api/v1/bars/AAPL?interval=1s&format=csv&{span}")
        assert response["Content-Disposition"] == 'attachment; filename="AAPL-live-1s.csv"'
        rows = list(csv.DictReader(io.StringIO(response.content.decode())))
        assert [(row["time"], row["close"], row["last_seq"]) for row in rows[:1]] == [
            ("2026-11-20T22:00:10.000Z", "1.5", "33")
        ]

    def test_stored_bars_of_a_minute_are_others(self, api: Client, pipeline: FakePipeline) -> None:
        get(api, "bars/AAPL?interval=1min", 404)
        pipeline.stored["AAPL"] = [replace(bar(DAYS[0]), interval="1min")]
        assert "live" not in get(api, "bars/AAPL?interval=1min")

    @pytest.mark.parametrize(
        ("query", "field"),
        [("interval=2s", "interval"), ("live=true", "interval"), ("interval=5min&live=true", "interval"),
         ("interval=1s&live=maybe", "live"), ("interval=1s&start=2026-11-20T22:00:10Z&end=2026-11-20T22:00:09Z", "start")],
    )  # fmt: skip
    def test_a_malformed_question_names_the_field(self, query: str, field: str, api: Client) -> None:
        assert [error["field"] for error in get(api, f"bars/AAPL?{query}", 422)["errors"]] == [field]

    def test_a_stored_symbol_that_does_not_tick_has_none_yet_and_of_another_nothing_is_known(
        self, api: Client, pipeline: FakePipeline
    ) -> None:
        get(api, "bars/IBM?interval=1s", 404)
        pipeline.stored["IBM"] = [replace(bar(DAYS[0]), symbol="IBM")]
        assert get(api, "bars/IBM?interval=1s")["bars"] == []


@pytest.mark.usefixtures("open_fetch")
class TestLookups:
    @pytest.mark.parametrize(
        ("path", "kind"), [("company/aapl", "overview"), ("quotes/AAPL", "quote"), ("search?q=apple", "search")]
    )
    def test_what_is_missing_is_fetched_once(self, path: str, kind: str, api: Client, pipeline: FakePipeline) -> None:
        accepted = get(api, path, 202)
        assert get(api, path, 202) == accepted
        assert set(pipeline.sent) == {accepted["id"]}
        assert pipeline.records[accepted["id"]].interval == kind
        assert get(api, f"fetches/{accepted['id']}")["state"] == "queued"

    def test_what_is_fresh_is_told_and_nothing_is_fetched(self, api: Client, pipeline: FakePipeline) -> None:
        store = MemoryLookupStore(pipeline.database)
        store.save_quote(QUOTE, NOW)
        store.save_company(COMPANY, NOW)
        store.save_matches("apple", [MATCH], NOW)
        quote = get(api, "quotes/AAPL")
        assert (quote["price"], quote["change"], quote["change_percent"]) == (1.1, -0.01, -0.4259)
        assert get(api, "company/AAPL")["figures"] == {"PERatio": "30"}
        assert [match["symbol"] for match in get(api, "search?q=Apple")["matches"]] == ["AAPL"]
        assert [one["symbol"] for one in get(api, "quotes")["fetched"]] == ["AAPL"]
        assert pipeline.records == {}

    def test_a_company_that_is_only_looked_up_here_spends_no_request(self, api: Client, pipeline: FakePipeline) -> None:
        assert api.get("/api/v1/company/AAPL?ask=false").status_code == 204
        MemoryLookupStore(pipeline.database).save_company(COMPANY, NOW - timedelta(days=30))
        stale = get(api, "company/AAPL?ask=false")
        assert (stale["name"], stale["renewal"]) == ("Apple", None)
        assert pipeline.records == {}

    def test_what_is_stale_is_told_and_renewed(self, api: Client, pipeline: FakePipeline) -> None:
        MemoryLookupStore(pipeline.database).save_quote(QUOTE, NOW - timedelta(hours=2))
        quote = get(api, "quotes/AAPL")
        assert quote["price"] == 1.1
        assert pipeline.sent == [quote["renewal"]["id"]]

    def test_a_page_of_another_site_cannot_spend_a_request(self, api: Client, pipeline: FakePipeline) -> None:
        get(api, "company/AAPL", 403, CROSS_SITE)
        MemoryLookupStore(pipeline.database).save_quote(QUOTE, NOW - timedelta(hours=2))
        assert get(api, "quotes/AAPL", headers=CROSS_SITE)["renewal"] is None
        assert pipeline.sent == []

    @pytest.mark.parametrize(
        "path", ["company/A&B", "quotes/A%20B", "search?q=", "search", f"search?q={'x' * 101}", "search?q=a%00"]
    )
    def test_a_malformed_question_is_refused(self, path: str, api: Client, pipeline: FakePipeline) -> None:
        get(api, path, 422)
        assert pipeline.records == {}


@pytest.mark.django_db
def test_lookups_need_staff_while_fetching_is_closed(api: Client, pipeline: FakePipeline, settings: Settings) -> None:
    settings.OPEN_FETCH = False
    get(api, "company/AAPL", 403)
    assert pipeline.records == {}


def test_fetches_come_in_pages_and_by_symbol(api: Client, pipeline: FakePipeline) -> None:
    for n in range(3):
        pipeline.records[f"f{n}"] = FetchRecord(f"f{n}", "AAPL" if n else "MSFT", "t", "api", NOW)
    page = get(api, "fetches?limit=2")
    assert [one["id"] for one in page["fetches"]] == ["f2", "f1"]
    assert page["next"] == "2026-11-20T22:00:00.000Z_f1"
    assert get(api, f"fetches?limit=50&after={page['next']}")["next"] is None
    assert [one["id"] for one in get(api, "fetches?symbol=msft")["fetches"]] == ["f0"]
    for query in ("state=lost", "symbol=A%26B", "after=yesterday", "requested_by=A'"):
        get(api, f"fetches?{query}", 422)


@pytest.mark.django_db
class TestDeleting:
    @pytest.fixture(autouse=True)
    def token(self, settings: Settings) -> None:
        settings.API_TOKEN = "a-token-of-the-test"

    def delete(self, api: Client, status: int, symbol: str = "AAPL", **headers: str) -> Any:
        return answer(api.delete(f"/api/v1/symbols/{symbol}", headers=headers or {}), status)  # type: ignore[arg-type]

    def test_takes_the_symbol_off_the_watchlist_and_deletes_its_data(self, api: Client, pipeline: FakePipeline) -> None:
        WatchedSymbol.objects.all().delete()
        WatchedSymbol.objects.create(symbol="AAPL")
        WatchedSymbol.objects.create(symbol="MSFT")
        pipeline.stored["AAPL"] = [bar(day) for day in DAYS]
        assert self.delete(api, 200, "aapl", **TOKEN) == {"symbol": "AAPL", "bars": 10, "watched": True}
        assert pipeline.watchlist == [Watched("MSFT", 0)]
        assert pipeline.stored == {}
        self.delete(api, 404, **TOKEN)

    @pytest.mark.parametrize(
        "header", ["Bearer wrong", "Bearer ", "bearer", "Basic a-token-of-the-test", "a-token-of-the-test"]
    )
    def test_a_wrong_token_deletes_nothing(self, header: str, api: Client, pipeline: FakePipeline) -> None:
        pipeline.stored["AAPL"] = [bar(DAYS[0])]
        problem = self.delete(api, 401 if header.lower().startswith("bearer") else 403, Authorization=header)
        assert "a-token" not in json.dumps(problem)
        assert "AAPL" in pipeline.stored

    def test_without_a_token_in_the_settings_nobody_has_it(
        self, api: Client, pipeline: FakePipeline, settings: Settings
    ) -> None:
        settings.API_TOKEN = ""
        self.delete(api, 401, Authorization="Bearer ")
        self.delete(api, 403)

    def test_open_fetching_is_no_leave_to_delete(self, api: Client, pipeline: FakePipeline, settings: Settings) -> None:
        settings.OPEN_FETCH = True
        self.delete(api, 403)

    def test_staff_may_with_the_token_of_its_session(
        self, api: Client, pipeline: FakePipeline, settings: Settings
    ) -> None:
        pipeline.stored["AAPL"] = [bar(DAYS[0])]
        ann = User.objects.create_user("ann", is_staff=True)
        api.force_login(ann)
        self.delete(api, 403)
        api.cookies[settings.CSRF_COOKIE_NAME] = csrf = "t" * 32
        assert self.delete(api, 403, **{"X-CSRFToken": csrf})["type"].endswith(":no-permission")
        permit(ann, "delete_watchedsymbol")
        assert self.delete(api, 200, **{"X-CSRFToken": csrf})["bars"] == 1

    def test_a_foreign_page_may_not_even_with_the_token(self, api: Client, pipeline: FakePipeline) -> None:
        self.delete(api, 403, Origin="https://evil.example", **TOKEN)

    def test_a_store_that_is_away_is_a_503_and_a_repeat_finishes(self, api: Client, pipeline: FakePipeline) -> None:
        pipeline.stored["AAPL"] = [bar(DAYS[0])]
        pipeline.away = True
        self.delete(api, 503, **TOKEN)
        pipeline.away = False
        assert self.delete(api, 200, **TOKEN)["bars"] == 1
