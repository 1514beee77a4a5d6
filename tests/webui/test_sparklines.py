"""The newest closes of many symbols."""

import json
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from tests.webui.fakes import FakePipeline
from tests.webui.test_market_data import LIVE


def get(api: Client, query: str, status: int = 200) -> Any:
    response = api.get(f"/api/v1/sparklines{query}")
    assert response.status_code == status, response.content
    return json.loads(response.content)


def test_closes_come_ascending_in_the_order_asked_for(api: Client, pipeline: FakePipeline) -> None:
    numbers = range(100)
    pipeline.live_bars.add([replace(LIVE, first_seq=3 * n + 1, last_seq=3 * n + 3, close=10_000 + n) for n in numbers])
    assert get(api, "?symbols=msft,AAPL,MSFT") == {
        "interval": "1s",
        "sparklines": [
            {"symbol": "MSFT", "closes": []},
            {"symbol": "AAPL", "closes": [(10_000 + n) / 10_000 for n in numbers[-60:]]},
        ],
    }


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("", "required"),
        ("?symbols=", "at least 1"),
        ("?symbols=A&symbols=", "at least 1"),
        ("?symbols=AAPL,", "1 to 20 characters"),
        ("?symbols=AAPL,A%26B", "1 to 20 characters"),
        ("?symbols=" + ",".join(f"S{n}" for n in range(101)), "at most 100 symbols"),
    ],
)
def test_a_malformed_list_is_refused(query: str, rule: str, api: Client, pipeline: FakePipeline) -> None:
    problem = get(api, query, 422)
    assert [error["field"] for error in problem["errors"]] == ["symbols"]
    assert rule in problem["detail"].lower()
