"""Sends the notices of alerts, from the history: one loop for each channel, so that one that hangs holds up no other.

Each is sent at least once: whoever claims it and dies leaves it to be claimed again. Not a task a notice: the history is the
queue already, it outlives Redis, and no message on the broker ever needs an address or a secret.
"""

import logging
from datetime import timedelta

from pipeline.domain.alerts import message
from pipeline.domain.delivery import after_attempt
from pipeline.domain.errors import Unavailable, Undeliverable
from pipeline.ports.alert_store import AlertStore
from pipeline.ports.clock import Clock
from pipeline.ports.notifier import Notifier
from pipeline.ports.rule_store import RuleStore
from pipeline.stages.meter import Meter

logger = logging.getLogger(__name__)
_CLAIM = timedelta(seconds=60)  # longer than any try
_IDLE_S = 1.0


class Deliver:
    def __init__(
        self, channel: str, notifier: Notifier, alerts: AlertStore, rules: RuleStore, clock: Clock, meter: Meter
    ) -> None:
        self._channel, self._notifier, self._alerts, self._rules = channel, notifier, alerts, rules
        self._clock, self._meter = clock, meter

    def step(self) -> float:
        """Send one notice that is due; returns the seconds to wait. Raises Unavailable when the history is away."""
        now = self._clock.now()
        claimed = self._alerts.claim(self._channel, now, now + _CLAIM)
        if claimed is None:
            return _IDLE_S
        alert, notice = claimed
        error: Exception | None = None
        try:
            # As the rule is now: an address that was corrected holds for what waits.
            rule = next((rule for rule in self._rules.rules() if rule.id == alert.rule_id), None)
            if rule is None:
                raise Undeliverable("the rule was removed")
            self._notifier.send(rule, message(alert, notice.happening))
        except (Unavailable, Undeliverable) as raised:
            error = raised
        except Exception:  # an error of ours must not come back with this notice for ever
            logger.exception("a notice of alert %s broke", alert.id)
            error = Undeliverable("an error inside Tickerline; the log of the monitor has it")
        after = after_attempt(notice, self._clock.now(), error)
        self._alerts.settle(alert.id, after)
        if error is None:
            self._meter.add("delivered")
        elif after.due:
            self._meter.add("put_off")
        else:
            self._meter.add("undelivered")
        return 0.0
