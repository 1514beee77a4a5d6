"""SYMBOL_SEARCH: the listed symbols whose symbol or name is like the keywords, best first."""

from datetime import datetime

from pipeline.domain.bars import EASTERN
from pipeline.embedded.alphavantage import replies
from pipeline.embedded.alphavantage.asking import Parameters, refuse, wants_csv
from pipeline.embedded.alphavantage.listing import Listing
from pipeline.embedded.alphavantage.market import Market
from pipeline.embedded.alphavantage.replies import Reply

_COLUMNS = ("symbol", "name", "type", "region", "marketOpen", "marketClose", "timezone", "currency", "matchScore")
_FIELDS = tuple(f"{number}. {name}" for number, name in enumerate(_COLUMNS, 1))
_MOST = 10


def symbol_search(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """At most ten; none is an empty list, not an error."""
    keywords = parameters.get("keywords", "").strip().casefold()
    if not keywords:
        raise refuse(parameters)
    csv = wants_csv(parameters)
    scores = {listing.symbol: _score(keywords, listing) for listing in market.listings.values()}
    found = sorted((symbol for symbol, score in scores.items() if score), key=lambda symbol: (-scores[symbol], symbol))
    offset = now.astimezone(EASTERN).strftime("%z")
    lines = [
        [
            *(symbol, market.listings[symbol].name, "Equity", "United States", "09:30", "16:00"),
            *(f"UTC{offset[:3]}", "USD", f"{scores[symbol] // 10_000}.{scores[symbol] % 10_000:04d}"),
        ]
        for symbol in found[:_MOST]
    ]
    if csv:
        return replies.csv_reply([_COLUMNS, *lines], "search.csv", {})
    return replies.json_reply({"bestMatches": [dict(zip(_FIELDS, line, strict=True)) for line in lines]})


def _score(keywords: str, listing: Listing) -> int:
    """In 1e-4: twice the length in common, by the lengths of both, of the better of symbol and name; 0 for no match."""
    best = 0
    for text in (listing.symbol.casefold(), listing.name.casefold()):
        if any(word.startswith(keywords) for word in (text, *text.split())):
            best = max(best, 20_000 * len(keywords) // (len(keywords) + len(text)))
    return best
