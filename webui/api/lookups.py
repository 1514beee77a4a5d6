"""Quotes, companies and searches: read from what is stored, and fetched when that is missing or stale.

What is missing is answered with 202 and a fetch to follow; what is stale comes at once, with the fetch that renews it.
"""

from http import HTTPStatus

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from pipeline.domain.bars import PRICE_SCALE
from pipeline.domain.lookups import Kept
from pipeline.domain.market import Company, Match, Quote
from pipeline.domain.requests import Request
from pipeline.domain.symbols import checked_symbol
from pipeline.domain.times import rfc3339
from webui.api import backend
from webui.api.access import may_fetch
from webui.api.problems import Problem
from webui.api.schemas import AcceptedFetch, ProblemOut

v1 = Router(tags=["lookups"])
REFUSALS = {403: ProblemOut, 422: ProblemOut, 503: ProblemOut}


class Looked(Schema):
    at: str = Field(description="When Alpha Vantage said so.")
    renewal: AcceptedFetch | None = Field(None, description="The fetch that renews what is stale.")


class QuoteOut(Looked):
    symbol: str
    day: str
    open: float
    high: float
    low: float
    price: float
    volume: int
    previous_close: float
    change: float
    change_percent: float


class CompanyOut(Looked):
    symbol: str
    name: str
    exchange: str
    currency: str
    country: str
    sector: str
    industry: str
    description: str
    figures: dict[str, str] = Field(description="By Alpha Vantage's own names; missing ones are left out.")


class MatchOut(Schema):
    symbol: str
    name: str
    type: str
    region: str
    opens: str
    closes: str
    timezone: str
    currency: str
    score: float


class MatchList(Looked):
    matches: list[MatchOut]


class Asking(Schema):
    ask: bool = Field(True, description="False: what is stored alone, or 204; no request is spent.")


class Keywords(Schema):
    q: str = Field(min_length=1, max_length=100, description="A name, or a part of a symbol.")


@v1.get(
    "/company/{symbol}",
    response={200: CompanyOut, 202: AcceptedFetch, 204: None} | REFUSALS,
    operation_id="read_company",
    summary="A company's overview",
)
def company(
    request: HttpRequest, symbol: str, asking: Query[Asking]
) -> CompanyOut | Status[AcceptedFetch] | Status[None]:
    """Name, sector, figures. It is renewed after 7 days."""
    question = Request.overview(checked_symbol(symbol))
    kept = backend.current().lookups.store.company(str(question.symbol))
    if not asking.ask:
        return company_out(kept, None) if kept else Status(HTTPStatus.NO_CONTENT, None)
    if kept is None:
        return _asked(request, question)
    return company_out(kept, _renewal(request, question, kept))


@v1.get(
    "/quotes/{symbol}",
    response={200: QuoteOut, 202: AcceptedFetch} | REFUSALS,
    operation_id="read_quote",
    summary="The latest price of a symbol",
)
def quote(request: HttpRequest, symbol: str) -> QuoteOut | Status[AcceptedFetch]:
    """As Alpha Vantage tells it, on the free plan that of the day's end. It is renewed after an hour."""
    question = Request.quote(checked_symbol(symbol))
    kept = backend.current().lookups.store.quote(str(question.symbol))
    if kept is None:
        return _asked(request, question)
    return quote_out(kept, _renewal(request, question, kept))


@v1.get(
    "/search",
    response={200: MatchList, 202: AcceptedFetch} | REFUSALS,
    operation_id="search_symbols",
    summary="Symbols by keywords",
)
def search(request: HttpRequest, query: Query[Keywords]) -> MatchList | Status[AcceptedFetch]:
    """What Alpha Vantage finds, the best match first. It is renewed after 30 days."""
    question = Request.search(query.q)
    kept = backend.current().lookups.store.matches(str(question.keywords))
    if kept is None:
        return _asked(request, question)
    return MatchList(
        at=rfc3339(kept.at),
        renewal=_renewal(request, question, kept),
        matches=[match_out(match) for match in kept.value],
    )


def _may_ask(request: HttpRequest) -> None:
    """A question costs one of the day's requests: no page of another site may ask it, not even by an image's address."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        rule = "expected a page of this server, or no browser"
        raise Problem.of_field(HTTPStatus.FORBIDDEN, "foreign-origin", "Sec-Fetch-Site", rule)
    may_fetch(request)


def _asked(request: HttpRequest, question: Request) -> Status[AcceptedFetch]:
    _may_ask(request)
    return Status(HTTPStatus.ACCEPTED, _fetch(question))


def _renewal(
    request: HttpRequest, question: Request, kept: Kept[Quote] | Kept[Company] | Kept[tuple[Match, ...]]
) -> AcceptedFetch | None:
    if backend.current().lookups.is_fresh(question, kept.at):
        return None
    try:
        _may_ask(request)
    except Problem:
        return None
    return _fetch(question)


def _fetch(question: Request) -> AcceptedFetch:
    record = backend.look_up(question, "api")
    return AcceptedFetch(id=record.id, symbol=record.symbol, state=record.state.value, url=f"/fetches/{record.id}")


def quote_out(kept: Kept[Quote], renewal: AcceptedFetch | None = None) -> QuoteOut:
    quote = kept.value
    prices = ("open", "high", "low", "price", "previous_close", "change")
    return QuoteOut(
        **{name: getattr(quote, name) / PRICE_SCALE for name in prices},
        symbol=quote.symbol,
        day=quote.day.isoformat(),
        volume=quote.volume,
        change_percent=float(quote.change_percent),
        at=rfc3339(kept.at),
        renewal=renewal,
    )


def company_out(kept: Kept[Company], renewal: AcceptedFetch | None) -> CompanyOut:
    texts = ("symbol", "name", "exchange", "currency", "country", "sector", "industry", "description")
    return CompanyOut(
        **{name: getattr(kept.value, name) for name in texts},
        figures=dict(kept.value.figures),
        at=rfc3339(kept.at),
        renewal=renewal,
    )


def match_out(match: Match) -> MatchOut:
    texts = ("symbol", "name", "type", "region", "opens", "closes", "timezone", "currency")
    return MatchOut(**{name: getattr(match, name) for name in texts}, score=float(match.score))
