"""Looks become alerts: each firing and each clearing is one conditional write into the history, then told.

The history is the state: what fires and what cools down is read from it when a monitor begins, so a restart forgets nothing.
"""

from pipeline.domain.activity import Tell, alert_cleared, alert_fired
from pipeline.domain.alerts import Alert, Happening, Rule, Standing, cleared, judge, notices, words
from pipeline.domain.times import from_ms
from pipeline.ports.alert_store import AlertStore
from pipeline.ports.clock import Clock
from pipeline.stages.meter import Meter

Key = tuple[str, str]  # rule id, subject


class Judging:
    """Not thread-safe."""

    def __init__(self, alerts: AlertStore, clock: Clock, meter: Meter, tell: Tell) -> None:
        self._alerts, self._clock, self._meter, self._tell = alerts, clock, meter, tell
        self._standings: dict[Key, Standing] = {}
        self._firing: dict[Key, Alert] = {}

    @property
    def firing(self) -> int:
        return len(self._firing)

    def begin(self) -> None:
        """Forget what was known, and read what fires. Raises Unavailable."""
        self._firing = {(alert.rule_id, alert.subject): alert for alert in self._alerts.firing()}
        self._standings = {key: alert.standing for key, alert in self._firing.items()}

    def look(self, rule: Rule, subject: str, value: float, at_ms: int, why: str = "") -> None:
        """`why` goes into the words of a firing. Raises Unavailable; nothing has changed then, and the look can be repeated."""
        key = rule.id, subject
        standing = self._standings.get(key)
        if standing is None:
            if not rule.reached(value):
                return
            newest = self._alerts.newest(*key)
            standing = newest.standing if newest else Standing()
        after, happening = judge(rule, standing, value, at_ms)
        mine = True
        if happening == Happening.FIRED:
            text = words(rule, subject, value, happening) + (f": {why}" if why else "")
            mine = self._fire(rule, subject, after, value, text)
        elif happening == Happening.CLEARED:
            mine = self._clear(rule, key, value, at_ms)
        self._standings[key] = after
        if not mine:  # another monitor was first: what it wrote is read anew
            self.begin()

    def end_others(self, keys: set[Key]) -> None:
        """The alerts of other rules and subjects are over: nobody looks at them any more. Raises Unavailable."""
        for key in self._firing.keys() - keys:
            alert = cleared(
                self._firing[key], self._clock.now(), None, "The rule was removed, or does not look here now"
            )
            if self._alerts.close(alert):
                self._tell(alert_cleared(alert))
            self._firing.pop(key)
        for key in self._standings.keys() - keys:
            self._standings.pop(key)

    def _fire(self, rule: Rule, subject: str, standing: Standing, value: float, text: str) -> bool:
        told = notices(rule, Happening.FIRED, self._clock.now())
        names = rule.id, rule.name, rule.kind, subject, standing.n
        alert = Alert(*names, rule.threshold, value, text, from_ms(standing.at_ms), notices=told)
        if not self._alerts.open(alert):
            return False
        self._firing[rule.id, subject] = alert
        self._meter.count()
        self._tell(alert_fired(alert))
        return True

    def _clear(self, rule: Rule, key: Key, value: float, at_ms: int) -> bool:
        told = notices(rule, Happening.CLEARED, self._clock.now())
        text = words(rule, key[1], value, Happening.CLEARED)
        alert = cleared(self._firing[key], from_ms(at_ms), value, text, told)
        if not self._alerts.close(alert):
            return False
        self._firing.pop(key)
        self._tell(alert_cleared(alert))
        return True
