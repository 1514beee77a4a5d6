"""Settings -> what looks at the alert rules, and what sends the notices."""

from pipeline.bootstrap.adapters import (
    alert_store,
    bar_store,
    clock,
    leases,
    live_bar_store,
    live_channel,
    rule_store,
    watchlist_store,
)
from pipeline.bootstrap.aws import event_publisher
from pipeline.bootstrap.ingesting import outbox
from pipeline.bootstrap.stages import stream
from pipeline.ports.notifier import Notifier
from pipeline.settings import Settings
from pipeline.stages.alerting import Alerting
from pipeline.stages.deliver import Deliver
from pipeline.stages.judging import Judging
from pipeline.stages.lead import Lead
from pipeline.stages.meter import Meter
from pipeline.stages.rehearsal import Rehearsal
from pipeline.stages.stream import StreamState


def notifiers(settings: Settings) -> dict[str, Notifier]:
    """By channel; each says itself when it is off."""
    from pipeline.adapters.aws.notifier import SnsNotifier
    from pipeline.adapters.smtp.notifier import MailNotifier
    from pipeline.adapters.webhook.notifier import WebhookNotifier

    delivery = settings.delivery
    return {
        "sns": SnsNotifier(event_publisher(settings)),
        "webhook": WebhookNotifier(delivery.webhook_secret, delivery.webhook_hosts),
        "mail": MailNotifier(delivery.mail),
    }


def alerting(settings: Settings, meter: Meter) -> Alerting:
    time, played = clock(), stream(settings)

    def silence() -> str:
        state = played.playing().state
        return "" if state == StreamState.PLAYING else f"the stream is {state}"

    return Alerting(
        rule_store(settings), watchlist_store(settings), live_channel(settings),
        Judging(alert_store(settings), time, meter, outbox(settings).tell),
        Lead(leases(settings), time, "alerting", settings.process.instance), time, meter, silence,
    )  # fmt: skip


def delivering(settings: Settings, meter: Meter) -> dict[str, Deliver]:
    """By channel."""
    alerts, rules, time = alert_store(settings), rule_store(settings), clock()
    return {
        channel: Deliver(channel, notifier, alerts, rules, time, meter)
        for channel, notifier in notifiers(settings).items()
    }


def rehearsal(settings: Settings) -> Rehearsal:
    return Rehearsal(bar_store(settings), live_bar_store(settings))
