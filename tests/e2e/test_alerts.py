"""An alert of the running system: a rule of the admin, fired by a live tick, told over SNS, and over with its rule."""

import pytest

from tests.support.servers import wait_until
from tests.support.system import Json, System, call

pytestmark = pytest.mark.timeout(240)
NAME = "Higher than nothing"
MAKE = (
    f'AlertRule.objects.create(name="{NAME}", kind="above", subject="AAPL", threshold=0.01, cooldown_s=0, to_sns=True)'
)
REMOVE = f'AlertRule.objects.filter(name="{NAME}").delete()'
AROUND = """
from webui.watchlist.alert_mirror import mirror_rules
from webui.watchlist.models import AlertRule
{}
mirror_rules()
"""


def run(system: System, line: str) -> None:
    done = system.manage("shell", "-c", AROUND.format(line))
    assert done.returncode == 0, done.stderr


def test_a_rule_fires_at_a_live_tick_once_and_its_alert_is_over_when_it_is_removed(system: System) -> None:
    def alerts() -> list[Json]:
        _, answer = call(f"{system.url('api')}/api/v1/alerts?symbol=AAPL")
        return [alert for alert in answer["alerts"] if alert["rule"] == NAME]

    def told() -> bool:
        return any(notice["state"] == "sent" for alert in alerts() for notice in alert["notices"])

    run(system, MAKE)
    try:
        wait_until(told, "SNS has taken the notice", 60)
        assert [alert["state"] for alert in alerts()] == ["firing"]
    finally:
        run(system, REMOVE)
    wait_until(lambda: alerts()[0]["state"] == "cleared", "the alert is over", 60)
    [alert] = alerts()
    assert alert["cleared_text"] == "The rule was removed, or does not look here now"
    assert [(notice["channel"], notice["attempts"]) for notice in alert["notices"]] == [("sns", 1)]
