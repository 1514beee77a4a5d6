"""Deleting a symbol."""

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from pipeline.domain.symbols import checked_symbol
from webui.api import backend
from webui.api.access import may_change
from webui.api.problems import not_found
from webui.api.schemas import ProblemOut
from webui.watchlist.mirror import mirror_watchlist
from webui.watchlist.models import WatchedSymbol

v1 = Router(tags=["market"])


class DeletedOut(Schema):
    symbol: str
    bars: int = Field(description="How many bars were deleted.")
    watched: bool = Field(description="Whether it was on the watchlist.")


@v1.delete(
    "/symbols/{symbol}",
    auth=may_change,
    response={200: DeletedOut, 401: ProblemOut, 403: ProblemOut, 404: ProblemOut, 422: ProblemOut, 503: ProblemOut},
    operation_id="delete_symbol",
    summary="Delete a symbol with its data",
)
def delete(request: HttpRequest, symbol: str) -> DeletedOut:
    """Take it off the watchlist; delete its bars, revisions, quote and company. Open fetches of it end as failed.

    It needs a token (`Authorization: Bearer`) of the scope `change`, or a session of staff who may delete symbols. A repeat
    finishes what was cut off.
    """
    symbol = checked_symbol(symbol)
    # Off the watchlist first, or the planner asks for it again.
    watched = WatchedSymbol.objects.filter(symbol=symbol).delete()[0] > 0
    mirror_watchlist()
    there = watched or _is_stored(symbol)
    bars = backend.current().forgetting.forget(symbol)
    if not there and not bars:
        raise not_found("nothing is stored of this symbol, and nobody watches it")
    return DeletedOut(symbol=symbol, bars=bars, watched=watched)


def _is_stored(symbol: str) -> bool:
    lookups = backend.current().lookups.store
    return lookups.quote(symbol) is not None or lookups.company(symbol) is not None
