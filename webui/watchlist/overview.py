"""The admin's first page: quota, stages and the last failures, measured when it is opened, or said to be away."""

from typing import Any

from django.http import HttpRequest

from pipeline.domain.errors import Unavailable
from pipeline.domain.fetches import FetchState, Wanted
from pipeline.domain.health import stage_states
from pipeline.domain.quota import day_end
from webui.api import backend
from webui.watchlist.groups import VIEW_PIPELINE
from webui.watchlist.pages import AWAY, Fact, link, moment, table
from webui.watchlist.runs import fetch_address

_FAILURES = 5


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The theme's dashboard callback."""
    if not request.user.has_perm(VIEW_PIPELINE):
        return context
    return context | {"pipeline": True, "quota": _quota(), "stages": _stages(), "failures": _failures()}


def _quota() -> list[Fact]:
    planning = backend.current().planning
    try:
        usage = planning.usage()
    except Unavailable:
        return [("Quota", AWAY)]
    plan, reserve = planning.plan, planning.reserve
    hand, planned = usage.left(plan, reserve, hand=True), usage.left(plan, reserve)
    facts: list[Fact] = [
        ("Plan", plan.name),
        ("Sent today", f"{usage.used}, {usage.by_hand} of them asked for by hand"),
    ]
    if hand is None:
        facts.append(("Left today", "no limit a day"))
    else:
        facts.append(("Left today", f"{hand} for what people ask for, {planned} for what is planned"))
        facts.append(("There again at", moment(day_end(usage.at))))
    if usage.closed:
        facts.append(("Closed", "Alpha Vantage has said that the day's requests are used"))
    if usage.paused_until:
        facts.append(("Paused until", moment(usage.paused_until)))
    return facts


def _stages() -> dict[str, Any]:
    try:
        heartbeats = backend.current().live.heartbeats()
    except Unavailable:
        return table(["Stage"], [[AWAY]])
    rows = [
        [state["stage"], state["health"].value, state["message"] or "–", ", ".join(state["where"]) or "nowhere"]
        for state in stage_states(heartbeats)
    ]
    return table(["Stage", "Health", "In words", "Reported by"], rows)


def _failures() -> dict[str, Any]:
    try:
        failed = backend.current().fetches.recent(_FAILURES, Wanted(state=FetchState.FAILED))
    except Unavailable:
        return table(["Fetch"], [[AWAY]])
    rows = [
        [link(fetch_address(one.id), moment(one.finished_at)), one.symbol, one.kind or "–", one.reason or "–"]
        for one in failed
    ]
    return table(["Failed at", "Symbol", "Kind", "Reason"], rows)
