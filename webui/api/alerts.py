"""Alerts: what fired and cleared, the rules, and trying a rule on what is stored. Rules are edited in the admin."""

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.utils import check_csrf
from pydantic import AwareDatetime, ConfigDict, Field

from pipeline.domain.alerts import WINDOWED, Alert, Notice, Rule, RuleKind, State, checked_rule, usual_clear
from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import rfc3339
from pipeline.ports.alert_store import WantedAlerts
from webui.api import backend
from webui.api.access import refuse_foreign_page
from webui.api.places import place_of, place_text
from webui.api.problems import Problem
from webui.api.schemas import ProblemOut, Symbol

v1 = Router(tags=["alerts"])
MOST_TOLD = 500  # alerts of a dry run
KindOfBars = Literal["above", "below", "rise", "fall", "volume"]
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


class AlertPage(Schema):
    limit: int = Field(50, ge=1, le=200)
    symbol: Symbol | None = None
    state: Literal["firing", "cleared"] | None = None
    after: str | None = Field(None, max_length=200, description="`next` of the page before.")


class NoticeOut(Schema):
    """One message about the alert; where it went is not told."""

    happening: Literal["fired", "cleared"]
    channel: str = Field(description="sns, webhook or mail")
    state: Literal["pending", "sent", "failed"]
    attempts: int
    next_try_at: str | None
    sent_at: str | None
    reason: str | None = Field(description="Why the last try failed.")


class AlertOut(Schema):
    id: str
    rule_id: str
    rule: str = Field(description="The rule's name when it fired.")
    kind: RuleKind
    subject: str
    symbol: str | None = Field(description="Null for an alert of a stage.")
    state: Literal["firing", "cleared"]
    threshold: float
    value: float
    text: str
    fired_at: str
    cleared_at: str | None
    cleared_value: float | None = Field(description="Null also where the rule was removed.")
    cleared_text: str | None
    notices: list[NoticeOut]


class AlertList(Schema):
    alerts: list[AlertOut]
    next: str | None = Field(description="`after` of the next page; null on the last one.")


class RuleOut(Schema):
    id: str
    name: str
    kind: RuleKind
    subject: str = Field(description="A symbol or a stage; `*`: every symbol of the watchlist, or every stage.")
    threshold: float
    clear_at: float = Field(description="The second threshold: what fires clears only beyond it.")
    window_s: int = Field(description="0 for kinds without a window.")
    cooldown_s: int
    channels: list[str] = Field(description="Beside the dashboard.")
    firing: list[str] = Field(description="The subjects for which it fires now.")


class RuleList(Schema):
    rules: list[RuleOut]


class Trial(Schema):
    """A rule to try. Over `daily` bars the window is a number of bars, over `live` ones seconds."""

    model_config = ConfigDict(extra="forbid")

    symbol: Symbol
    kind: KindOfBars
    threshold: float = Field(allow_inf_nan=False, description="Dollars, percent or shares.")
    clear_at: float | None = Field(None, allow_inf_nan=False, description="Left out: as the admin takes it.")
    window: int = Field(60, ge=1, le=3600)
    cooldown_s: int = Field(0, ge=0, le=86_400)
    over: Literal["daily", "live"] = Field(
        "daily", description="Stored daily bars, or the live bars of about ten minutes."
    )
    start: AwareDatetime | None = Field(None, description="Of daily bars; default: the first one's.")
    end: AwareDatetime | None = Field(None, description="Of daily bars; default: the last one's.")


class TriedOut(Schema):
    fired_at: str
    value: float
    text: str
    cleared_at: str | None = Field(description="Null: it would fire still.")
    cleared_value: float | None
    cleared_text: str | None


class TrialOut(Schema):
    """What the rule would have done. Within a bar the order of its high and low is not known; see the docs."""

    bars: int = Field(description="How many bars were looked at; at most 10,000.")
    first: str | None
    last: str | None
    fired: int
    alerts: list[TriedOut] = Field(description="In order, the first 500.")


def may_try(request: HttpRequest) -> bool:
    """A dry run reads; as a POST it is for no page of another site all the same."""
    refuse_foreign_page(request)
    if request.user.is_authenticated and check_csrf(request) is not None:
        raise Problem.of_field(HTTPStatus.FORBIDDEN, "csrf", "X-CSRFToken", "expected the token of this session")
    return True


@v1.get(
    "/alerts",
    response={200: AlertList, 422: ProblemOut, 503: ProblemOut},
    operation_id="list_alerts",
    summary="Newest alerts",
)
def recent(request: HttpRequest, page: Query[AlertPage]) -> AlertList:
    """What fired, newest first, with what cleared it and how its notices went out. `next` continues the list."""
    state = {None: None, "firing": State.FIRING, "cleared": State.CLEARING}[page.state]
    wanted = WantedAlerts(page.symbol, state, place_of(page.after))
    found = backend.current().alerts.recent(page.limit, wanted)
    last = found[-1] if len(found) == page.limit else None
    return AlertList(
        alerts=[_alert_out(alert) for alert in found],
        next=place_text(last.fired_at, last.id) if last else None,
    )


@v1.get(
    "/alerts/rules", response={200: RuleList, 503: ProblemOut}, operation_id="list_alert_rules", summary="The rules"
)
def rules(request: HttpRequest) -> RuleList:
    """The enabled rules as the pipeline looks at them, and for whom they fire now."""
    known = backend.current()
    firing = known.alerts.firing()
    return RuleList(rules=[_rule_out(rule, firing) for rule in known.rules.rules()])


@v1.post(
    "/alerts/dry-run",
    auth=may_try,
    response={200: TrialOut} | dict.fromkeys((400, 403, 413, 415, 422, 503), ProblemOut),
    operation_id="try_alert_rule",
    summary="Try a rule on stored bars",
)
def dry_run(request: HttpRequest, order: Trial) -> TrialOut:
    """When a rule would have fired and cleared. Nothing is stored, and nobody is told."""
    if order.over == "live" and (order.start or order.end):
        raise InvalidValue("start", "expected none with live bars, which are only the newest")
    kind = RuleKind(order.kind)
    clear_at = usual_clear(kind, order.threshold) if order.clear_at is None else order.clear_at
    window = order.window if kind in WINDOWED else 0
    rule = checked_rule(Rule("", "dry run", kind, order.symbol, order.threshold, clear_at, window, order.cooldown_s))
    rehearsal = backend.current().rehearsal
    if order.over == "live":
        done = rehearsal.live(rule)
    else:
        done = rehearsal.daily(rule, order.start or EARLIEST, order.end or datetime.now(UTC))
    return TrialOut(
        bars=done.bars,
        first=rfc3339(done.first) if done.first else None,
        last=rfc3339(done.last) if done.last else None,
        fired=len(done.alerts),
        alerts=[
            TriedOut(fired_at=rfc3339(alert.fired_at), value=alert.value, text=alert.text, **_end(alert))
            for alert in done.alerts[:MOST_TOLD]
        ],
    )


def _end(alert: Alert) -> dict[str, Any]:
    cleared_at = rfc3339(alert.cleared_at) if alert.cleared_at else None
    return {"cleared_at": cleared_at, "cleared_value": alert.cleared_value, "cleared_text": alert.cleared_text}


def _alert_out(alert: Alert) -> AlertOut:
    return AlertOut(
        id=alert.id,
        rule_id=alert.rule_id,
        rule=alert.rule_name,
        kind=alert.kind,
        subject=alert.subject,
        symbol=alert.symbol,
        state="firing" if alert.cleared_at is None else "cleared",
        threshold=alert.threshold,
        value=alert.value,
        text=alert.text,
        fired_at=rfc3339(alert.fired_at),
        notices=[_notice_out(notice) for notice in alert.notices],
        **_end(alert),
    )


def _notice_out(notice: Notice) -> NoticeOut:
    return NoticeOut(
        happening=notice.happening.value,
        channel=notice.channel,
        state=notice.state.value,
        attempts=notice.attempts,
        next_try_at=rfc3339(notice.due) if notice.due else None,
        sent_at=rfc3339(notice.sent_at) if notice.sent_at else None,
        reason=notice.reason,
    )


def _rule_out(rule: Rule, firing: Iterable[Alert]) -> RuleOut:
    names = ("id", "name", "kind", "subject", "threshold", "clear_at", "window_s", "cooldown_s")
    subjects = sorted(alert.subject for alert in firing if alert.rule_id == rule.id)
    return RuleOut(**{name: getattr(rule, name) for name in names}, channels=list(rule.channels), firing=subjects)
