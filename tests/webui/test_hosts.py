"""GET /hosts: how each does by its roles, and what EC2 says, marked where it is simulated."""

import json
from typing import Any

from django.test import Client

from pipeline.domain.hosts import Host
from tests.webui.fakes import FakePipeline


def hosts(api: Client) -> Any:
    response = api.get("/api/v1/hosts")
    assert response.status_code == 200
    return json.loads(response.content)["hosts"]


def test_a_host_is_told_with_its_roles_and_its_record(api: Client, pipeline: FakePipeline) -> None:
    assert hosts(api) == []
    pipeline.hosts = (Host("driver", ("driver",), "i-1", "running", simulated=True), Host("receiver", ("receiver",)))
    driver, receiver = hosts(api)
    assert (driver["name"], driver["roles"]) == ("driver", ["driver"])
    assert driver["instance"] == {"id": "i-1", "state": "running", "simulated": True}
    assert receiver["instance"] is None
    assert (receiver["status"], receiver["message"]) == ("failing", "no sign of life of receiver within 10 s")


def test_stores_that_are_away_are_a_problem(api: Client, pipeline: FakePipeline) -> None:
    pipeline.away = True
    assert api.get("/api/v1/hosts").status_code == 503
