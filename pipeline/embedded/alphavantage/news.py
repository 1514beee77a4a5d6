"""NEWS_SENTIMENT: a few items a symbol and session, which say of themselves that nothing of it happened."""

import hashlib
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pipeline.domain.calendar import last_closed_session, sessions_back
from pipeline.embedded.alphavantage import refusals, replies
from pipeline.embedded.alphavantage.asking import Parameters, Refused
from pipeline.embedded.alphavantage.market import Market
from pipeline.embedded.alphavantage.replies import Reply

_SESSIONS = 5  # with news
_GENERAL = ("AAPL", "MSFT", "IBM")  # whom news are about when nobody is named
_TOPICS = ("technology", "earnings", "financial_markets", "economy_macro", "manufacturing")
_SCORE_DEFINITION = (
    "x <= -0.35: Bearish; -0.35 < x <= -0.15: Somewhat-Bearish; -0.15 < x < 0.15: Neutral; "
    "0.15 <= x < 0.35: Somewhat_Bullish; x >= 0.35: Bullish"
)
_RELEVANCE_DEFINITION = "0 < x <= 1, with a higher score indicating higher relevance."
_STAMP = "%Y%m%dT%H%M%S"
_TIME = re.compile(r"\d{8}T\d{4}")
_DEFAULT_LIMIT, _MOST = 50, 1000
_SORTS = ("LATEST", "EARLIEST", "RELEVANCE")


def news_sentiment(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """A ticker that is not listed, or any value that is not accepted, gets the API's own 'Invalid inputs'."""
    tickers = [ticker for ticker in parameters.get("tickers", "").upper().split(",") if ticker]
    topics = [topic for topic in parameters.get("topics", "").split(",") if topic]
    sort, limit = parameters.get("sort", "LATEST"), parameters.get("limit", str(_DEFAULT_LIMIT))
    times = [parameters.get(name, "") for name in ("time_from", "time_to")]
    known = all(ticker in market.listings for ticker in tickers)
    if not known or sort not in _SORTS or not limit.isdecimal() or any(t and not _TIME.fullmatch(t) for t in times):
        raise Refused(refusals.news_invalid_inputs())
    feed = [
        item
        for symbol in tickers or _GENERAL
        for day in sessions_back(last_closed_session(now), _SESSIONS)
        if (item := _item(symbol, market.listings[symbol].name, day))
        and (not topics or any(topic["topic"] in topics for topic in item["topics"]))
        and (not times[0] or item["time_published"] >= times[0])
        and (not times[1] or item["time_published"] <= times[1] + "59")
    ]
    feed.sort(key=lambda item: item["time_published"], reverse=sort != "EARLIEST")
    if sort == "RELEVANCE":
        feed.sort(key=lambda item: item["ticker_sentiment"][0]["relevance_score"], reverse=True)
    feed = feed[: min(int(limit), _MOST)]
    body = {
        "items": str(len(feed)),
        "sentiment_score_definition": _SCORE_DEFINITION,
        "relevance_score_definition": _RELEVANCE_DEFINITION,
        "feed": feed,
    }
    return replies.json_reply(body)


def _item(symbol: str, name: str, day: date) -> dict[str, Any]:
    seed = hashlib.sha256(f"news:{symbol}:{day.isoformat()}".encode()).digest()
    published = datetime.combine(day, time(12), UTC) + timedelta(minutes=seed[0])
    score = (seed[1] - 128) * 3000  # millionths
    relevance = f"0.{500_000 + seed[2] * 1900:06d}"
    return {
        "title": f"Simulated news {seed.hex()[:6]} about {name}",
        "url": f"https://news.example.com/{symbol.lower()}/{day.isoformat()}",
        "time_published": published.strftime(_STAMP),
        "authors": ["Nobody"],
        "summary": f"This item was made by a simulator. Nothing of the kind happened to {name}.",
        "banner_image": "https://news.example.com/banner.png",
        "source": "Simulator",
        "category_within_source": "General",
        "source_domain": "news.example.com",
        "topics": [{"topic": _TOPICS[seed[3] % len(_TOPICS)], "relevance_score": relevance}],
        "overall_sentiment_score": score / 1_000_000,
        "overall_sentiment_label": _label(score),
        "ticker_sentiment": [
            {
                "ticker": symbol,
                "relevance_score": relevance,
                "ticker_sentiment_score": f"{score / 1_000_000:.6f}",
                "ticker_sentiment_label": _label(score),
            }
        ],
    }


def _label(score: int) -> str:
    """By the API's own definition, of a score in millionths."""
    if abs(score) < 150_000:
        return "Neutral"
    strength = "Somewhat-" if abs(score) < 350_000 else ""
    return strength + ("Bullish" if score > 0 else "Bearish")
