"""The alert rules in MongoDB: one document of the collection `alert_rules`, so that a reader never sees half of a change."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from pymongo import MongoClient

from pipeline.adapters.mongo.connection import Document, mapped_errors
from pipeline.domain.alerts import Rule, RuleKind

_ID = "rules"


class MongoRuleStore:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        self._rules = client[database]["alert_rules"]

    def replace(self, rules: Iterable[Rule]) -> None:
        by_id = {rule.id: rule for rule in rules}
        entries = [asdict(rule) | {"kind": rule.kind.value} for rule in by_id.values()]
        with mapped_errors():
            self._rules.replace_one({"_id": _ID}, {"rules": entries}, upsert=True)

    def rules(self) -> list[Rule]:
        with mapped_errors():
            document = self._rules.find_one({"_id": _ID})
        found = [_rule(entry) for entry in (document["rules"] if document else ())]
        return sorted(found, key=lambda rule: rule.id)


def _rule(entry: Mapping[str, Any]) -> Rule:
    lists = {name: tuple(entry[name]) for name in ("channels", "mail_to")}
    return Rule(**dict(entry) | lists | {"kind": RuleKind(entry["kind"])})
