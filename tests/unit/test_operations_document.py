"""docs/operations.md names what there is."""

import re

import pytest
import yaml

from pipeline.settings.sentences import SENTENCES
from tests.support.servers import ROOT

TEXT = (ROOT / "docs" / "operations.md").read_text()
RULES = ROOT / "deploy" / "observability" / "prometheus" / "alerts.yml"


def test_each_metric_in_it_is_explained_among_the_metrics() -> None:
    named = set(re.findall(r"tickerline_[a-z_]+", TEXT))
    explained = set(re.findall(r"tickerline_[a-z_]+", (ROOT / "docs" / "metrics.md").read_text()))
    assert len(named) > 10
    assert named <= explained


def test_each_setting_and_command_in_it_exists() -> None:
    settings = set(re.findall(r"TICKERLINE_[A-Z_]+", TEXT))
    commands = set(re.findall(r"manage\.py ([a-z]+)", TEXT))
    assert settings
    assert settings <= set(SENTENCES)
    assert {"backup", "restore"} <= commands
    directory = ROOT / "webui" / "console" / "management" / "commands"
    assert commands <= {path.stem for path in directory.glob("*.py")}


@pytest.mark.skipif(not RULES.exists(), reason="no rules for Prometheus here")
def test_each_alert_of_the_rules_has_its_entry_and_its_metric() -> None:
    rows = dict(re.findall(r"^\| ([A-Z][A-Za-z]+) \| (.*)$", TEXT, re.MULTILINE))
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert [rule["alert"] for rule in rules] == [name for name in rows if name in {rule["alert"] for rule in rules}]
    for rule in rules:
        metrics = re.findall(r"tickerline_[a-z_]+?(?=_bucket|[^a-z_]|$)", rule["expr"])
        assert all(metric in rows[rule["alert"]] for metric in metrics), rule["alert"]
