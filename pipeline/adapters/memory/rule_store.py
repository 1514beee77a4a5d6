"""The alert rules in memory."""

from collections.abc import Iterable

from pipeline.domain.alerts import Rule


class MemoryRuleStore:
    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}

    def replace(self, rules: Iterable[Rule]) -> None:
        self._rules = {rule.id: rule for rule in rules}

    def rules(self) -> list[Rule]:
        return sorted(self._rules.values(), key=lambda rule: rule.id)
