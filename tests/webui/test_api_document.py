"""The OpenAPI document, and what docs/api.md says of it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.webui.fakes import FakePipeline

DOCS = Path(__file__).parents[2] / "docs" / "api.md"
TRIAL = "POST /api/v1/alerts/dry-run"  # it changes nothing


@pytest.fixture
def document(api: Client, pipeline: FakePipeline) -> Any:
    return json.loads(api.get("/openapi.json").content)


def operations(document: Any) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_docs_name_every_endpoint_once(document: Any) -> None:
    named = re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", DOCS.read_text(), re.MULTILINE)
    assert sorted(named) == sorted(operations(document))


def test_every_endpoint_documents_its_errors_as_problems(document: Any) -> None:
    for name, operation in operations(document).items():
        responses = operation["responses"]
        assert operation["summary"], name
        assert operation["operationId"], name
        for status, response in responses.items():
            if int(status) >= 400 and not name.startswith("GET /health"):
                assert list(response["content"]) == ["application/problem+json"], (name, status)
        assert ("429" in responses) == (name not in ("GET /health/live", "GET /health/ready")), name
        assert ("304" in responses) == name.startswith("GET /api/v1"), name
        assert ("503" in responses) == (name != "GET /health/live"), name
        if not name.startswith("GET") and name != TRIAL:
            assert {"Bearer": []} in operation["security"], name
            assert {"401", "403"} <= responses.keys(), name
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= responses.keys(), name


def test_every_list_has_a_limit_and_a_next_page_or_is_bounded(document: Any) -> None:
    """`limit` always goes with a `next` in the answer, but for bars, which are found by their times."""
    schemas = document["components"]["schemas"]
    for name, operation in operations(document).items():
        parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
        if "limit" in parameters and "/bars/" not in name:
            reference = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
            assert "next" in schemas[reference.rpartition("/")[2]]["properties"], name


def test_everybody_may_ask_for_fetches_where_the_document_says_so(document: Any) -> None:
    security = {name: one.get("security") for name, one in operations(document).items()}
    assert security["POST /fetch"] == [{"Bearer": []}, {"Session": []}, {}]
    assert security["POST /api/v1/stream"] == [{"Bearer": []}, {"Session": []}]
    assert document["components"]["securitySchemes"].keys() == {"Bearer", "Session"}
