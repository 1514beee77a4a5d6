"""The history of alerts. It is what an alert's state is known by after a restart, and what its notices are sent from."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.domain.alerts import Alert, Notice, State


@dataclass(frozen=True, slots=True)
class WantedAlerts:
    """Which alerts a list holds; None: any. `state`: FIRING, or CLEARING for those that are over. `after`: only those that come
    after this one (time fired, id), newest first."""

    subject: str | None = None
    state: State | None = None
    after: tuple[datetime, str] | None = None


class AlertStore(Protocol):
    """Every change is one conditional write; the bool says whether this caller made it. Raises Unavailable."""

    def open(self, alert: Alert) -> bool:
        """Insert a firing; False: there is one of its id, so somebody else has told of it."""

    def close(self, alert: Alert) -> bool:
        """Note that the alert is over, with its new notices; False: it was already, or there is no such alert."""

    def newest(self, rule_id: str, subject: str) -> Alert | None:
        """The rule's newest firing for this subject."""

    def firing(self) -> list[Alert]:
        """Those that are not over."""

    def recent(self, limit: int = 50, wanted: WantedAlerts | None = None) -> list[Alert]:
        """Newest first, of equal times the highest id first."""

    def claim(self, channel: str, now: datetime, until: datetime) -> tuple[Alert, Notice] | None:
        """The notice of this channel that has been due longest; it counts one more attempt, and is due again at `until`.

        That an alert has cleared is given out when it is done with telling that it fired, within seconds after.
        """

    def settle(self, alert_id: str, notice: Notice) -> None:
        """Keep the notice as it is after an attempt."""
