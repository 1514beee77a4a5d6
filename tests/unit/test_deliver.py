"""Notices go out at least once: tried again while that helps, given up with a reason when it does not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.adapters.memory.alert_store import MemoryAlertStore
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.notifier import MemoryNotifier
from pipeline.adapters.memory.rule_store import MemoryRuleStore
from pipeline.domain.alerts import Alert, Happening, Notice, NoticeState, Rule, RuleKind, cleared
from pipeline.domain.delivery import MOST_ATTEMPTS, DeliverySettings, after_attempt
from pipeline.domain.errors import SettingsError, Unavailable, Undeliverable
from pipeline.stages.deliver import Deliver
from pipeline.stages.meter import Meter

RULE = Rule("7", "High", RuleKind.ABOVE, "IBM", 100, 95, channels=("sns",))


class World:
    def __init__(self) -> None:
        self.clock, self.alerts, self.rules = MemoryClock(), MemoryAlertStore(), MemoryRuleStore()
        self.channel, self.meter = MemoryNotifier(), Meter("alerts")
        self.rules.replace([RULE])
        self.deliver = Deliver("sns", self.channel, self.alerts, self.rules, self.clock, self.meter)
        now = self.clock.now()
        self.alert = Alert("7", "High", RuleKind.ABOVE, "IBM", 1, 100, 101, "up", now)
        self.alert = replace(self.alert, notices=(Notice(Happening.FIRED, "sns", due=now),))
        self.alerts.open(self.alert)

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            while self.deliver.step() == 0:
                pass
            self.clock.sleep(1)

    def notice(self, number: int = 0) -> Notice:
        return self.alerts.recent()[0].notices[number]


def test_a_notice_is_sent_once_and_the_history_says_when() -> None:
    world = World()
    now = world.clock.now()
    world.run(100)
    assert [message["type"] for message in world.channel.sent] == ["alert.fired"]
    assert world.notice() == Notice(Happening.FIRED, "sns", NoticeState.SENT, 1, sent_at=now)
    assert world.meter.report().figures == {"delivered": 1}


def test_what_can_help_is_tried_again_with_longer_waits() -> None:
    world = World()
    world.channel.errors = [Unavailable("sns: away")] * 4
    tried = []
    for second in range(40):
        left = len(world.channel.errors)
        world.run(1)
        if len(world.channel.errors) < left or world.channel.sent:
            tried.append(second)
        if world.channel.sent:
            break
    assert tried == [0, 2, 6, 14, 30]
    assert world.meter.report().figures == {"put_off": 4, "delivered": 1}


def test_what_never_helps_is_given_up_at_once_with_the_reason() -> None:
    world = World()
    world.channel.errors = [Undeliverable("webhook: it answered 410")]
    world.run(100)
    assert world.channel.sent == []
    notice = world.notice()
    assert (notice.state, notice.reason, notice.attempts) == (NoticeState.FAILED, "webhook: it answered 410", 1)
    assert world.meter.report().figures == {"undelivered": 1}


def test_after_many_tries_it_is_given_up_and_the_next_notice_goes_out() -> None:
    world = World()
    world.channel.errors = [Unavailable("sns: away")] * MOST_ATTEMPTS
    told = (Notice(Happening.CLEARED, "sns", due=world.clock.now()),)
    world.alerts.close(cleared(world.alert, world.clock.now(), 90, "down", told))
    world.run(1500)
    assert world.notice().reason == f"given up after {MOST_ATTEMPTS} tries: sns: away"
    assert [message["type"] for message in world.channel.sent] == ["alert.cleared"]


def test_an_error_of_ours_ends_the_notice_and_not_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.channel.errors = [ValueError("broken")]
    world.run(3)
    assert world.notice().reason == "an error inside Tickerline; the log of the monitor has it"
    assert "broken" in caplog.text


def test_who_dies_while_sending_leaves_it_to_the_next() -> None:
    world = World()
    now = world.clock.now()
    assert world.alerts.claim("sns", now, now + timedelta(seconds=60))
    world.run(59)
    assert world.channel.sent == []
    world.run(2)
    assert len(world.channel.sent) == 1
    assert world.notice().attempts == 2


def test_a_rule_that_was_removed_has_no_address_any_more() -> None:
    world = World()
    world.rules.replace([])
    world.run(2)
    assert world.notice().reason == "the rule was removed"


def test_a_reason_is_short() -> None:
    notice = after_attempt(Notice(Happening.FIRED, "sns", attempts=1), MemoryClock().now(), Unavailable("x" * 999))
    assert len(notice.reason or "") == 200


class TestSettings:
    def read(self, **values: str) -> DeliverySettings:
        return DeliverySettings.read(lambda name: values.get(name, ""))

    def test_everything_is_off_by_default(self) -> None:
        assert self.read() == DeliverySettings()

    def test_mail_is_by_a_url(self) -> None:
        url = "smtp://me%40example.com:canary%2F1@mail.example.com"
        mail = self.read(TICKERLINE_SMTP_URL=url, TICKERLINE_MAIL_FROM="a@b").mail
        assert mail
        assert (mail.host, mail.port, mail.tls, mail.user, mail.password) == (
            "mail.example.com", 587, False, "me@example.com", "canary/1",
        )  # fmt: skip
        assert "canary" not in repr(mail)
        secure = self.read(TICKERLINE_SMTP_URL="smtps://mail.example.com", TICKERLINE_MAIL_FROM="a@b").mail
        assert secure
        assert (secure.port, secure.tls) == (465, True)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("TICKERLINE_WEBHOOK_SECRET", "canary"),
            ("TICKERLINE_SMTP_URL", "http://canary"),
            ("TICKERLINE_SMTP_URL", "smtp://canary:99999"),
            ("TICKERLINE_SMTP_URL", "smtp://"),
        ],
    )
    def test_a_malformed_one_is_named_and_not_told(self, name: str, value: str) -> None:
        with pytest.raises(SettingsError, match=name) as refused:
            self.read(**{name: value})
        assert "canary" not in str(refused.value)

    def test_mail_needs_a_sender(self) -> None:
        with pytest.raises(SettingsError, match="TICKERLINE_MAIL_FROM"):
            self.read(TICKERLINE_SMTP_URL="smtp://mail.example.com")
