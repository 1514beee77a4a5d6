"""What the key's plan still allows, and what is asked for in the next 24 hours."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from pipeline.domain.planner import DayPlan
from pipeline.domain.quota import Plan, Usage, day_end
from pipeline.domain.times import rfc3339
from webui.api import backend
from webui.api.schemas import ProblemOut

v1 = Router(tags=["quota"])


class WindowOut(Schema):
    name: str
    limit: int
    span_ms: int = Field(
        description="A little longer than the API's own window: requests do not arrive when they are sent."
    )
    used: int


class QuotaOut(Schema):
    plan: str = Field(description="free, 75, 150, 300, 600, 1200 (requests a minute) or none")
    day: str = Field(description="The US/Eastern date.")
    per_day: int | None = Field(description="Null: no limit a day.")
    used: int
    by_hand: int = Field(description="How many of those people asked for.")
    reserve: int = Field(description="Requests of the day that are kept for what people ask for.")
    left: int | None = Field(description="For what people ask for; null: no limit.")
    left_for_plan: int | None = Field(description="For what is planned; null: no limit.")
    closed: bool = Field(description="Alpha Vantage has said that the day's requests are used.")
    resets_at: str
    paused_until: str | None = Field(description="Alpha Vantage has asked for slower requests.")
    promised: int = Field(description="Permits given out for the next seconds.")
    windows: list[WindowOut]


class PlannedOut(Schema):
    at: str
    symbol: str
    why: str
    gap: bool = Field(description="It fills a gap; false: it brings the newest bars.")


class LeftOutOut(Schema):
    symbol: str
    why: str
    until: str | None = Field(description="When it may be asked for again; null: when what is under way has ended.")


class DayPlanOut(Schema):
    made_at: str
    until: str
    planned: list[PlannedOut]
    left_out: list[LeftOutOut]
    fresh: int = Field(description="Watched symbols that need nothing before `until`.")


@v1.get("/quota", response={200: QuotaOut, 503: ProblemOut}, operation_id="read_quota", summary="Quota")
def quota(request: HttpRequest) -> QuotaOut:
    """What is used of the key's plan, and what is left."""
    planning = backend.current().planning
    return quota_out(planning.usage(), planning.plan, planning.reserve)


@v1.get("/plan", response={200: DayPlanOut, 503: ProblemOut}, operation_id="read_plan", summary="The day ahead")
def plan(request: HttpRequest) -> DayPlanOut:
    """The requests of the next 24 hours: which symbol when, what does not fit, and why."""
    return plan_out(backend.current().planning.day())


def quota_out(usage: Usage, plan: Plan, reserve: int) -> QuotaOut:
    return QuotaOut(
        plan=plan.name,
        day=usage.day.isoformat(),
        per_day=plan.per_day,
        used=usage.used,
        by_hand=usage.by_hand,
        reserve=reserve,
        left=usage.left(plan, reserve, hand=True),
        left_for_plan=usage.left(plan, reserve),
        closed=usage.closed,
        resets_at=rfc3339(day_end(usage.at)),
        paused_until=rfc3339(usage.paused_until) if usage.paused_until else None,
        promised=usage.promised,
        windows=[
            WindowOut(name=window.name, limit=window.limit, span_ms=window.span_ms, used=usage.within(window))
            for window in plan.windows
        ],
    )


def plan_out(day: DayPlan) -> DayPlanOut:
    return DayPlanOut(
        made_at=rfc3339(day.made_at),
        until=rfc3339(day.until),
        planned=[PlannedOut(at=rfc3339(one.at), symbol=one.symbol, why=one.why, gap=one.gap) for one in day.planned],
        left_out=[
            LeftOutOut(symbol=one.symbol, why=one.why, until=rfc3339(one.until) if one.until else None)
            for one in day.left_out
        ],
        fresh=day.fresh,
    )


def told(usage: Usage, day: DayPlan, plan: Plan, reserve: int) -> dict[str, Any]:
    """Both as JSON values."""
    return {"quota": quota_out(usage, plan, reserve).model_dump(), "plan": plan_out(day).model_dump()}
