"""Asking for fetches, and following them."""

from http import HTTPStatus

from django.http import HttpRequest
from ninja import Query, Router, Status

from pipeline.domain.fetches import FetchState, Wanted
from webui.api import backend
from webui.api.access import may_fetch
from webui.api.places import place_of, place_text
from webui.api.problems import not_found
from webui.api.schemas import (
    AcceptedFetch,
    AcceptedFetches,
    FetchList,
    FetchOrder,
    FetchOut,
    FetchPage,
    ProblemOut,
    fetch_out,
)

root, v1 = Router(tags=["fetches"]), Router(tags=["fetches"])
REFUSALS = {400: ProblemOut, 403: ProblemOut, 413: ProblemOut, 415: ProblemOut, 422: ProblemOut, 503: ProblemOut}


@root.post(
    "/fetch",
    auth=may_fetch,
    response={202: AcceptedFetches} | REFUSALS,
    operation_id="fetch",
    summary="Ask for fetches",
)
@v1.post(
    "/fetches",
    auth=may_fetch,
    response={202: AcceptedFetches} | REFUSALS,
    operation_id="create_fetches",
    summary="Ask for fetches",
)
def order(request: HttpRequest, order: FetchOrder) -> Status[AcceptedFetches]:
    """Ask for the bars of up to 100 symbols. Each becomes a fetch; a symbol that is being fetched keeps its fetch."""
    records = backend.ask_for(list(dict.fromkeys(order.symbols)), "api")
    accepted = [AcceptedFetch(id=r.id, symbol=r.symbol, state=r.state.value, url=f"/fetches/{r.id}") for r in records]
    return Status(HTTPStatus.ACCEPTED, AcceptedFetches(fetches=accepted))


@root.get(
    "/fetches/{fetch_id}",
    response={200: FetchOut, 404: ProblemOut, 503: ProblemOut},
    operation_id="get_fetch",
    summary="Follow a fetch",
)
@v1.get(
    "/fetches/{fetch_id}",
    response={200: FetchOut, 404: ProblemOut, 503: ProblemOut},
    operation_id="read_fetch",
    summary="Follow a fetch",
)
def fetch(request: HttpRequest, fetch_id: str) -> FetchOut:
    """One fetch, from queued to succeeded or failed, with the reason and the times."""
    record = backend.current().fetches.get(fetch_id) if len(fetch_id) <= 64 and fetch_id.isprintable() else None
    if record is None:
        raise not_found("there is no fetch with this id")
    return fetch_out(record)


@v1.get(
    "/fetches",
    response={200: FetchList, 422: ProblemOut, 503: ProblemOut},
    operation_id="list_fetches",
    summary="Newest fetches",
)
def recent(request: HttpRequest, page: Query[FetchPage]) -> FetchList:
    """Fetches, newest first; filtered by symbol, state and who asked. `next` continues the list."""
    state = FetchState(page.state) if page.state else None
    wanted = Wanted(page.symbol, state, page.requested_by, place_of(page.after))
    found = backend.current().fetches.recent(page.limit, wanted)
    last = found[-1] if len(found) == page.limit else None
    return FetchList(
        fetches=[fetch_out(record) for record in found],
        next=place_text(last.queued_at, last.id) if last else None,
    )
