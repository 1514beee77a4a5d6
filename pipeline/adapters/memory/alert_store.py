"""The history of alerts in memory."""

import threading
from dataclasses import replace
from datetime import datetime

from pipeline.domain.alerts import Alert, Happening, Notice, State
from pipeline.ports.alert_store import WantedAlerts


class MemoryAlertStore:
    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}
        self._lock = threading.RLock()

    def open(self, alert: Alert) -> bool:
        with self._lock:
            if alert.id in self._alerts:
                return False
            self._alerts[alert.id] = alert
            return True

    def close(self, alert: Alert) -> bool:
        with self._lock:
            known = self._alerts.get(alert.id)
            if known is None or known.cleared_at is not None:
                return False
            names = ("cleared_at", "cleared_value", "cleared_text")
            new = tuple(notice for notice in alert.notices if notice.happening == Happening.CLEARED)
            values = {name: getattr(alert, name) for name in names}
            self._alerts[alert.id] = replace(known, notices=known.notices + new, **values)
            return True

    def newest(self, rule_id: str, subject: str) -> Alert | None:
        own = [alert for alert in self._all() if (alert.rule_id, alert.subject) == (rule_id, subject)]
        return max(own, key=lambda alert: alert.n, default=None)

    def firing(self) -> list[Alert]:
        return [alert for alert in self._all() if alert.cleared_at is None]

    def recent(self, limit: int = 50, wanted: WantedAlerts | None = None) -> list[Alert]:
        wanted = wanted or WantedAlerts()
        found = [
            alert
            for alert in self._all()
            if wanted.subject in (None, alert.subject)
            if wanted.state is None or (wanted.state == State.FIRING) == (alert.cleared_at is None)
            if wanted.after is None or (alert.fired_at, alert.id) < wanted.after
        ]
        return sorted(found, key=lambda alert: (alert.fired_at, alert.id), reverse=True)[:limit]

    def claim(self, channel: str, now: datetime, until: datetime) -> tuple[Alert, Notice] | None:
        with self._lock:
            due = [
                (notice.due, alert, notice)
                for alert in self._alerts.values()
                for notice in alert.notices
                if notice.channel == channel and notice.due is not None and notice.due <= now
                if notice.happening == Happening.FIRED or not _tells_of_firing(alert, channel)
            ]
            if not due:
                return None
            _, alert, notice = min(due, key=lambda one: one[0])
            claimed = replace(notice, attempts=notice.attempts + 1, due=until)
            self.settle(alert.id, claimed)
            return self._alerts[alert.id], claimed

    def settle(self, alert_id: str, notice: Notice) -> None:
        with self._lock:
            alert, key = self._alerts[alert_id], (notice.happening, notice.channel)
            notices = tuple(notice if (one.happening, one.channel) == key else one for one in alert.notices)
            self._alerts[alert_id] = replace(alert, notices=notices)

    def _all(self) -> list[Alert]:
        with self._lock:
            return list(self._alerts.values())


def _tells_of_firing(alert: Alert, channel: str) -> bool:
    key = Happening.FIRED, channel
    return any((one.happening, one.channel) == key and one.due is not None for one in alert.notices)
