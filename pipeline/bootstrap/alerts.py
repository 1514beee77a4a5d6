"""Settings -> what looks at the alert rules, and what sends the notices."""

from pipeline.bootstrap.adapters import (
    alert_store,
    bar_store,
    clock,
    leases,
    live_bar_store,
    live_channel,
    notifiers,
    rule_store,
    watchlist_store,
)
from pipeline.bootstrap.stages import outbox, stream
from pipeline.settings import Settings
from pipeline.stages.alerting import Alerting
from pipeline.stages.deliver import Deliver
from pipeline.stages.judging import Judging
from pipeline.stages.lead import Lead
from pipeline.stages.meter import Meter
from pipeline.stages.rehearsal import Rehearsal
from pipeline.stages.stream import StreamState


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
