"""The contract of the port `rule_store`."""

from dataclasses import replace

import pytest

from pipeline.adapters.memory.rule_store import MemoryRuleStore
from pipeline.adapters.mongo.rule_store import MongoRuleStore
from pipeline.domain.alerts import Rule, RuleKind
from pipeline.ports.rule_store import RuleStore

HIGH = Rule(
    "2", "High", RuleKind.ABOVE, "BRK.B", 700.5, 690.25, 0, 60, 1_795_363_200_123, ("sns", "webhook", "mail"),
    "https://example.com/hook", ("a@example.com",),
)  # fmt: skip
QUIET = Rule("1", "Quiet", RuleKind.SILENCE, "*", 30.0, 15.0)


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest) -> RuleStore:
    if request.param == "memory":
        return MemoryRuleStore()
    return MongoRuleStore(request.getfixturevalue("mongo_client"), request.getfixturevalue("database"))


def test_at_first_there_are_none(store: RuleStore) -> None:
    assert store.rules() == []


def test_rules_come_back_as_they_were_by_their_ids(store: RuleStore) -> None:
    store.replace([HIGH, QUIET])
    assert store.rules() == [QUIET, HIGH]


def test_replacing_leaves_exactly_the_given_rules(store: RuleStore) -> None:
    store.replace([HIGH, QUIET])
    changed = replace(HIGH, threshold=800.0)
    store.replace([changed])
    assert store.rules() == [changed]
    store.replace([])
    assert store.rules() == []


def test_the_address_of_a_webhook_is_in_no_log(store: RuleStore) -> None:
    store.replace([HIGH])
    assert "example.com/hook" not in repr(store.rules())
