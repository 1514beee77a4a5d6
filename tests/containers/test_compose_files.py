"""The compose files by themselves: valid, closed, limited, and one list of services for both."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose import ONCE, Compose
from tests.support.servers import ROOT
from webui.console.processes import ROLES

PROFILES = ("--profile", "scale", "--profile", "observability", "--profile", "accumulo")
SIMPLE = Compose(options=("-f", "docker-compose-simple.yml"))
OWNERS = {"api": 8000, "dashboard": 3000, "flower": 5555, "driver": 8001, "receiver": 8002}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def whole(made_env: Path) -> Json:
    return Compose(options=("--env-file", str(made_env), *PROFILES)).configuration()


@pytest.fixture(scope="module")
def usual(made_env: Path) -> Json:
    return Compose(options=("--env-file", str(made_env))).configuration()


@pytest.mark.parametrize("profile", ["scale", "observability", "accumulo"])
def test_it_is_valid_with_each_profile(made_env: Path, profile: str) -> None:
    Compose(options=("--env-file", str(made_env), "--profile", profile)).run("config", "--quiet")


def test_without_make_env_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    done = Compose(options=("--env-file", str(tmp_path / "empty"))).call("up", "--detach")
    assert done.returncode != 0
    assert "run make env first" in done.stderr


def test_every_role_is_a_service_of_its_name_and_is_told_nothing_but_that(usual: Json) -> None:
    services = usual["services"]
    assert set(ROLES) <= set(services)
    assert {role: services[role]["command"] for role in ROLES} == {role: [role] for role in ROLES}
    assert not [role for role in ROLES if services[role].get("entrypoint")]


def test_the_simple_file_has_the_same_services_and_asks_for_no_secret(usual: Json) -> None:
    simple = SIMPLE.configuration()
    assert set(simple["services"]) == set(usual["services"])
    for name, service in simple["services"].items():
        assert not service.get("secrets"), name
        same = ("image", "command", "ports", "read_only", "cap_drop", "restart", "environment", "networks", "user")
        assert {key: service.get(key) for key in same} == {key: usual["services"][name].get(key) for key in same}


def test_every_container_is_limited_and_hardened(whole: Json) -> None:
    for name, service in whole["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["init"] is True, name
        assert service["pids_limit"], name
        assert service["mem_limit"], name
        assert service["cpus"], name
        assert service["restart"] in (("no", "on-failure:5") if name in ONCE else ("unless-stopped",)), name
        # The published Kafka has a user of its own, and its start script writes into the image's directories.
        assert name == "kafka" or (service["read_only"] is True and service["user"].startswith("1000")), name


def test_whatever_stays_is_asked_for_its_health(whole: Json) -> None:
    image_has_one = "tickerline:latest"
    unasked = [
        name for name, service in whole["services"].items()
        if name not in ONCE and "healthcheck" not in service and service["image"] != image_has_one
    ]  # fmt: skip
    assert unasked == []


def test_only_the_owners_ports_are_published_and_on_loopback_alone(whole: Json) -> None:
    published = {}
    for name, service in whole["services"].items():
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1", name
            published[name] = int(port["published"])
    assert published == OWNERS | {"grafana": 3001}


def test_servers_reach_nothing_outside(whole: Json) -> None:
    assert whole["networks"]["servers"]["internal"] is True
    outside = {name for name, service in whole["services"].items() if "edge" in service["networks"]}
    assert outside == {*OWNERS, "ingest", "ingest-2", "driver-2", "receiver-2", "grafana"}


def test_no_password_is_in_the_files_or_in_a_container_s_settings(whole: Json, made_env: Path) -> None:
    secrets = [path.read_text() for path in (made_env.parent / "secrets").iterdir() if path.read_text()]
    assert len(secrets) == 11
    text = str(whole)
    assert [secret for secret in secrets if secret in text] == []
    for name, service in whole["services"].items():
        spoken = {key for key in service.get("environment") or {} if re.search("PASSWORD|TOKEN|KEY|_URL$|_URI$", key)}
        plain = {"AWS_ENDPOINT_URL", "ALPHAVANTAGE_URL"}
        assert {key for key in spoken if not key.endswith("_FILE")} <= plain, name


def test_each_secret_is_read_by_whom_needs_it(whole: Json) -> None:
    readers: dict[str, set[str]] = {}
    for name, service in whole["services"].items():
        for secret in service.get("secrets") or ():
            readers.setdefault(secret["source"], set()).add(name)
    parts = {name for name in whole["services"] if name.startswith("accumulo")}
    assert readers["accumulo_password"] == {*parts, "receiver", "receiver-2"}
    assert readers["postgres_password"] == {"postgres"}
    assert readers["redis_password"] == {"redis"}
    assert readers["mongodb_password"] == {"mongo"}
    assert readers["secret_key"] == readers["database_url"] == {"api", "dashboard", "beat", "prepare"}
    assert not readers["mongodb_uri"] & {"flower", "redis", "postgres", "kafka", "aws", "alphavantage"}


def test_make_env_gives_files_that_their_owner_alone_reads_and_keeps_what_is_there(made_env: Path) -> None:
    secrets = made_env.parent / "secrets"
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    assert {path.stat().st_mode & 0o777 for path in (made_env, *secrets.iterdir())} == {0o600}
    again = ["python3", "deploy/containers/make_secrets.py", str(secrets), "--env", str(made_env)]
    subprocess.run(again, cwd=ROOT, check=True, capture_output=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before
    assert len(set(before.values())) == len(before)
