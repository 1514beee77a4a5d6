"""What schemathesis makes up from the OpenAPI document: no 5xx, and no answer that the document does not have.

With FULL=1 it makes up a hundred times as much.
"""

import os
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings
from pytest_django import Settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from pipeline.adapters.memory.fetch_store import MemoryFetchStore
from pipeline.domain.batches import Position
from pipeline.domain.rates import Rate
from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import Place, Session, opening_leg, with_bars
from pipeline.domain.sharding import shard_of
from pipeline.domain.times import to_ms
from pipeline.ports.watchlist_store import WatchedSymbol
from tests.webui.fakes import NOW, FakePipeline
from tests.webui.test_events import published
from tests.webui.test_market_data import LIVE
from tests.webui.test_reading import bar, heartbeats

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    unsupported_method, negative_data_rejection,
]  # fmt: skip
EXAMPLES = 500 if os.environ.get("FULL") == "1" else 3
TOKEN = "a-token-of-the-test"
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3600 if EXAMPLES > 3 else 120)]


# Its own list has no 413.
REFUSALS = ["400", "401", "403", "404", "405", "413", "415", "422", "429"]
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})
schema = schemathesis.openapi.from_wsgi(
    "/openapi.json", get_wsgi_application(), config=CONFIG, headers={"Host": "localhost"}
)


@pytest.fixture(autouse=True)
def something_of_everything(pipeline: FakePipeline, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OPEN_FETCH, settings.API_TOKEN = True, TOKEN
    settings.READ_RATE = settings.WRITE_RATE = Rate(0.0, 0)
    store = MemoryFetchStore(pipeline.database)
    store.add([published(n, revised=n == 1) for n in range(3)])
    monkeypatch.setattr(pipeline, "published", store.published, raising=False)
    pipeline.watchlist = [WatchedSymbol("AAPL", 1)]
    pipeline.beats = heartbeats()
    pipeline.stored["AAPL"] = [bar(2), bar(1)]
    pipeline.live_bars.add([LIVE])
    shard, opened = shard_of("AAPL", TickRules().shards), to_ms(NOW)
    session = Session(opened, 7, "daily", "simulator", (bar(2).time, bar(1).time), ("AAPL",), 100, 390)
    pipeline.plan.open_session(session, None)
    leg = opening_leg(session, Place(shard, 1, pipeline.plan.new_epoch(shard), None), 1, opened)
    pipeline.plan.append_leg(with_bars(leg, session, [bar(1), bar(2)]))
    pipeline.watermarks.confirm({shard: Position(opened, 199)})


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_nothing_contradicts_the_document(case: schemathesis.Case[Any]) -> None:
    headers = {"Host": "localhost", "Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "identity"}
    case.call_and_validate(checks=CHECKS, headers=headers)
