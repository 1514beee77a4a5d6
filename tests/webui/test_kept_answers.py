"""Answers that are kept in Redis, entity tags, and compression."""

import gzip
import json
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from django.http import HttpResponse
from django.test import Client

from pipeline.adapters.memory.lookup_store import MemoryLookupStore
from pipeline.domain.bars import Adjustment, Bar
from pipeline.domain.errors import Unavailable
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_market_data import DAYS, QUOTE, bar
from webui.api.schemas import BarList, BarOut, bar_told

URL = "/api/v1/bars/AAPL"


@pytest.fixture
def reads(pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The store's reads of bars; it has ten of AAPL."""
    pipeline.stored["AAPL"] = [bar(day) for day in DAYS]
    made, read = list[str](), pipeline.bars

    def counted(symbol: str, *rest: Any) -> list[Bar]:
        made.append(symbol)
        return read(symbol, *rest)

    monkeypatch.setattr(pipeline, "bars", counted)
    return made


def get(api: Client, url: str, **headers: str) -> HttpResponse:
    response = api.get(url, headers=headers)
    assert isinstance(response, HttpResponse)
    return response


def times(response: HttpResponse) -> list[str]:
    assert response.status_code == 200
    return [one["time"] for one in json.loads(response.content)["bars"]]


class TestBars:
    def test_are_read_once_and_told_again_the_same(self, api: Client, reads: list[str]) -> None:
        first, again = get(api, URL), get(api, URL)
        assert first.content == again.content
        assert first["ETag"] == again["ETag"]
        assert len(times(again)) == 10
        assert len(reads) == 1

    def test_of_another_question_are_another_answer(self, api: Client, reads: list[str]) -> None:
        for query in ("", "?limit=3", "?start=2026-11-18T00:00:00Z", "?end=2026-11-18T00:00:00Z", "?format=csv"):
            get(api, URL + query)
        assert len(reads) == 5
        assert len(times(get(api, f"{URL}?limit=3"))) == 3
        assert get(api, f"{URL}?format=csv")["Content-Disposition"] == 'attachment; filename="AAPL-daily.csv"'
        assert len(reads) == 5

    def test_that_changed_are_read_again(self, api: Client, reads: list[str], pipeline: FakePipeline) -> None:
        before = get(api, URL)
        pipeline.stored["AAPL"] = pipeline.stored["AAPL"][:-1]
        assert len(times(get(api, URL))) == 10, "nobody has said so yet"
        pipeline.replies.outdate("AAPL")
        after = get(api, URL)
        assert len(times(after)) == 9
        assert after["ETag"] != before["ETag"]

    def test_that_changed_unheard_are_read_again_after_a_minute(
        self, api: Client, reads: list[str], pipeline: FakePipeline
    ) -> None:
        get(api, URL)
        pipeline.stored["AAPL"] = pipeline.stored["AAPL"][:-1]
        pipeline.clock.sleep(61)
        assert len(times(get(api, URL))) == 9

    def test_come_from_the_store_while_redis_is_away(
        self, api: Client, reads: list[str], pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: Any) -> NoReturn:
            raise Unavailable("Redis: ConnectionError")

        for name in ("find", "keep"):
            monkeypatch.setattr(pipeline.replies, name, away)
        assert len(times(get(api, URL))) == len(times(get(api, URL))) == 10
        assert len(reads) == 2

    def test_that_are_not_there_are_not_kept(self, api: Client, reads: list[str], pipeline: FakePipeline) -> None:
        assert get(api, "/api/v1/bars/MSFT").status_code == 404
        pipeline.stored["MSFT"] = [replace(bar(DAYS[0]), symbol="MSFT")]
        assert len(times(get(api, "/api/v1/bars/MSFT"))) == 1

    def test_are_told_as_the_document_has_them(self, api: Client, pipeline: FakePipeline) -> None:
        adjusted = replace(bar(DAYS[0]), adjustment=Adjustment(18_832_000_000, 0))
        pipeline.stored["AAPL"] = [adjusted, bar(DAYS[1])]
        told = json.loads(get(api, URL).content)
        assert BarList.model_validate(told).model_dump() == told
        assert BarOut.model_validate(bar_told(adjusted)).model_dump() == bar_told(adjusted)


READ = ("/api/v1/bars/AAPL", "/api/v1/bars/AAPL?format=csv", "/api/v1/symbols", "/api/v1/quotes", "/api/v1/stages")


@pytest.fixture
def paths(reads: list[str]) -> tuple[str, ...]:
    return READ


class TestTags:
    @pytest.mark.parametrize("encoding", ["identity", "gzip"])
    def test_who_has_an_answer_already_is_not_sent_it_again(
        self, encoding: str, api: Client, paths: tuple[str, ...]
    ) -> None:
        for path in paths:
            first = get(api, path, **{"Accept-Encoding": encoding})
            assert first["Cache-Control"] == "no-cache"
            for known in (first["ETag"], f'"another", {first["ETag"]}', "*"):
                again = get(api, path, **{"Accept-Encoding": encoding, "If-None-Match": known})
                assert (again.status_code, again.content) == (304, b""), path
                assert again["ETag"].removeprefix("W/") == first["ETag"].removeprefix("W/")
            assert get(api, path, **{"If-None-Match": '"another"'}).status_code == 200

    def test_who_wants_another_version_is_told_that_it_is_gone(self, api: Client, paths: tuple[str, ...]) -> None:
        response = get(api, paths[0], **{"If-Match": '"another"'})
        assert (response.status_code, response["Content-Type"]) == (412, "application/problem+json")

    def test_an_error_and_another_method_have_none(self, api: Client, pipeline: FakePipeline) -> None:
        assert "ETag" not in get(api, "/api/v1/bars/MSFT")
        assert "ETag" not in api.post("/api/v1/fetches", "{}", content_type="application/json")
        assert "ETag" not in get(api, "/health")


class TestCompression:
    def test_answers_are_compressed_for_who_takes_that(self, api: Client, paths: tuple[str, ...]) -> None:
        for path in paths[:2]:
            plain, packed = get(api, path), get(api, path, **{"Accept-Encoding": "br, gzip"})
            assert "Content-Encoding" not in plain
            assert packed["Content-Encoding"] == "gzip"
            assert gzip.decompress(packed.content) == plain.content
            assert packed["ETag"] == f"W/{plain['ETag']}", "the same answer, in other bytes"
            assert "Accept-Encoding" in packed["Vary"]
            assert "Accept-Encoding" in plain["Vary"]

    def test_static_files_are_and_what_may_hold_a_secret_is_not(self, api: Client, pipeline: FakePipeline) -> None:
        accept = {"Accept-Encoding": "gzip"}
        script = get(api, "/static/ninja/swagger-ui-bundle.js", **accept)
        assert script["Content-Encoding"] == "gzip"
        known = {"If-None-Match": script["ETag"]}
        assert get(api, "/static/ninja/swagger-ui-bundle.js", **accept, **known).status_code == 304
        assert "Content-Encoding" not in get(api, "/admin/login/", **accept)
        assert "Content-Encoding" not in get(api, "/docs", **accept)


def test_fetched_quotes_are_some_seconds_old_at_most(api: Client, pipeline: FakePipeline) -> None:
    assert json.loads(get(api, "/api/v1/quotes").content)["fetched"] == []
    MemoryLookupStore(pipeline.database).save_quote(QUOTE, NOW)
    pipeline.clock.sleep(6)
    (quote,) = json.loads(get(api, "/api/v1/quotes").content)["fetched"]
    assert (quote["symbol"], quote["price"]) == ("AAPL", 1.1)
