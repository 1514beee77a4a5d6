"""The contract of the port `alert_store`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.memory.alert_store import MemoryAlertStore
from pipeline.adapters.mongo.alert_store import MongoAlertStore
from pipeline.domain.alerts import Alert, Happening, Notice, NoticeState, RuleKind, State, cleared
from pipeline.ports.alert_store import AlertStore, WantedAlerts

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
SNS, WEBHOOK = Notice(Happening.FIRED, "sns", due=NOW), Notice(Happening.FIRED, "webhook", due=NOW)
ALERT = Alert("7", "High", RuleKind.ABOVE, "BRK.B", 1, 100.0, 101.5, "BRK.B is at 101.50", NOW, notices=(SNS, WEBHOOK))


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def firing(n: int, rule: str = "7", subject: str = "BRK.B") -> Alert:
    return replace(ALERT, n=n, rule_id=rule, subject=subject, fired_at=after(n), notices=())


def over(alert: Alert, seconds: float = 10) -> Alert:
    told = (Notice(Happening.CLEARED, "sns", due=after(seconds)),)
    return cleared(alert, after(seconds), 94.5, "BRK.B is at 94.50", told)


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest) -> AlertStore:
    if request.param == "memory":
        return MemoryAlertStore()
    return MongoAlertStore(request.getfixturevalue("mongo_client"), request.getfixturevalue("database"))


class TestHistory:
    def test_a_firing_is_opened_once_and_comes_back_as_it_was(self, store: AlertStore) -> None:
        assert store.newest("7", "BRK.B") is None
        assert store.open(ALERT)
        assert not store.open(ALERT)
        assert not store.open(replace(ALERT, value=105.0))
        assert store.newest("7", "BRK.B") == ALERT
        assert store.firing() == [ALERT]

    def test_an_alert_is_over_once_and_keeps_both_values(self, store: AlertStore) -> None:
        store.open(ALERT)
        ended = over(ALERT)
        assert store.close(ended)
        assert not store.close(over(ALERT, 20))
        assert not store.close(over(firing(9)))
        assert store.newest("7", "BRK.B") == ended
        assert store.firing() == []
        assert ended.standing.state == State.CLEARING

    def test_the_newest_is_that_of_the_rule_and_the_subject(self, store: AlertStore) -> None:
        for alert in (firing(2), firing(10), firing(11, subject="IBM"), firing(12, rule="8")):
            store.open(alert)
        assert store.newest("7", "BRK.B") == firing(10)

    def test_a_list_is_newest_first_and_filtered_and_goes_on_after_its_last(self, store: AlertStore) -> None:
        alerts = [firing(n, subject="IBM" if n % 2 else "BRK.B") for n in range(6)]
        alerts.append(replace(firing(5, rule="9"), subject="IBM"))
        for alert in alerts:
            store.open(alert)
        store.close(over(alerts[0]))
        newest = sorted(alerts, key=lambda alert: (alert.fired_at, alert.id), reverse=True)
        first = store.recent(3)
        assert first == newest[:3]
        rest = store.recent(10, WantedAlerts(after=(first[-1].fired_at, first[-1].id)))
        assert [alert.id for alert in rest] == [alert.id for alert in newest[3:]]
        assert {alert.subject for alert in store.recent(10, WantedAlerts("IBM"))} == {"IBM"}
        assert store.recent(10, WantedAlerts(state=State.CLEARING)) == [over(alerts[0])]
        assert len(store.recent(10, WantedAlerts(state=State.FIRING))) == 6


class TestNotices:
    def test_a_notice_is_claimed_by_one_and_again_when_that_one_never_settled_it(self, store: AlertStore) -> None:
        store.open(ALERT)
        claimed = store.claim("sns", NOW, after(30))
        assert claimed
        assert claimed[0].id == ALERT.id
        assert claimed[1] == replace(SNS, attempts=1, due=after(30))
        assert store.claim("sns", after(29), after(60)) is None
        again = store.claim("sns", after(30), after(60))
        assert again
        assert again[1].attempts == 2

    def test_what_is_settled_is_not_claimed_again_and_other_channels_go_on(self, store: AlertStore) -> None:
        store.open(ALERT)
        _, notice = store.claim("sns", NOW, after(30)) or (None, SNS)
        sent = replace(notice, state=NoticeState.SENT, due=None, sent_at=after(1))
        store.settle(ALERT.id, sent)
        assert store.claim("sns", after(100), after(130)) is None
        assert store.claim("webhook", NOW, after(30))
        newest = store.newest("7", "BRK.B")
        assert newest
        assert newest.notices == (sent, replace(WEBHOOK, attempts=1, due=after(30)))

    def test_nothing_is_claimed_before_it_is_due_and_the_longest_due_comes_first(self, store: AlertStore) -> None:
        later, sooner = (replace(SNS, due=after(seconds)) for seconds in (9, 4))
        store.open(replace(ALERT, n=1, notices=(later,)))
        store.open(replace(ALERT, n=2, notices=(sooner,)))
        assert store.claim("sns", after(3), after(30)) is None
        claims = [store.claim("sns", after(10), after(40)) for _ in range(3)]
        assert [claim[0].n if claim else None for claim in claims] == [2, 1, None]

    def test_that_it_cleared_is_told_after_that_it_fired(self, store: AlertStore) -> None:
        store.open(ALERT)
        store.close(over(ALERT))
        _, first = store.claim("sns", after(20), after(50)) or (None, WEBHOOK)
        assert first.happening == Happening.FIRED
        assert store.claim("sns", after(20), after(50)) is None
        store.settle(ALERT.id, replace(first, state=NoticeState.FAILED, due=None, reason="gone"))
        _, second = store.claim("sns", after(30), after(60)) or (None, WEBHOOK)
        assert second.happening == Happening.CLEARED
