"""GLOBAL_QUOTE and TOP_GAINERS_LOSERS: the last session against the one before."""

from datetime import datetime
from typing import NamedTuple

from pipeline.domain.bars import PRICE_SCALE, price_to_text
from pipeline.domain.calendar import last_closed_session
from pipeline.embedded.alphavantage import replies
from pipeline.embedded.alphavantage.adjusting import unpadded
from pipeline.embedded.alphavantage.asking import Parameters, choice, refuse, seen_at, wants_csv
from pipeline.embedded.alphavantage.market import DailyBar, Market
from pipeline.embedded.alphavantage.replies import Reply
from pipeline.embedded.alphavantage.series import RECORDED_HEADER, raw_values
from pipeline.embedded.alphavantage.sessions import known_bars

_FIELDS = (
    "01. symbol",
    "02. open",
    "03. high",
    "04. low",
    "05. price",
    "06. volume",
    "07. latest trading day",
    "08. previous close",
    "09. change",
    "10. change percent",
)
_COLUMNS = (
    *("symbol", "open", "high", "low", "price", "volume"),
    *("latestDay", "previousClose", "change", "changePercent"),
)
_KEYS = {
    "": "Global Quote",
    "realtime": "Global Quote",
    "delayed": "Global Quote - DATA DELAYED BY 15 MINUTES",
}
_TOP = 20


def global_quote(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """An unknown symbol is no error: its quote is empty."""
    symbol = parameters.get("symbol", "").upper()
    if not symbol:
        raise refuse(parameters)
    key = _KEYS[choice(parameters, "entitlement", _KEYS, "")]
    csv = wants_csv(parameters)
    bars = known_bars(symbol, market, now, seen_at(parameters, now)).bars if symbol in market.listings else []
    if not bars:
        return replies.csv_reply([_COLUMNS], "global_quote.csv", {}) if csv else replies.json_reply({key: {}})
    last, before = bars[-1], bars[-2] if len(bars) > 1 else bars[-1]
    values = [
        symbol,
        *raw_values(last.row),
        last.day.isoformat(),
        price_to_text(before.row.close),
        _signed(last.row.close - before.row.close),
        _percent(last, before),
    ]
    headers = {RECORDED_HEADER: f"{last.day.isoformat()}..{last.day.isoformat()}" if last.recorded else ""}
    if csv:
        return replies.csv_reply([_COLUMNS, values], f"quote_{symbol}.csv", headers)
    return replies.json_reply({key: dict(zip(_FIELDS, values, strict=True))}, headers=headers)


class _Mover(NamedTuple):
    symbol: str
    last: DailyBar
    before: DailyBar

    @property
    def change(self) -> int:
        return self.last.row.close - self.before.row.close

    def entry(self) -> dict[str, str]:
        return {
            "ticker": self.symbol,
            "price": unpadded(price_to_text(self.last.row.close)),
            "change_amount": unpadded(_signed(self.change)),
            "change_percentage": unpadded(_percent(self.last, self.before).rstrip("%")) + "%",
            "volume": str(self.last.row.volume),
        }


def top_gainers_losers(parameters: Parameters, market: Market, now: datetime) -> Reply:
    """The listed symbols that rose and fell most, and those traded most, on the last session that has closed."""
    day = last_closed_session(now)
    series = {symbol: market.daily(symbol, day)[-2:] for symbol in market.listings}
    movers = [_Mover(symbol, bars[1], bars[0]) for symbol, bars in series.items() if len(bars) > 1]
    by_change = sorted(movers, key=lambda mover: mover.change / mover.before.row.close)
    by_volume = sorted(movers, key=lambda mover: -mover.last.row.volume)
    body = {
        "metadata": "Top gainers, losers, and most actively traded US tickers",
        "last_updated": f"{day.isoformat()} 16:16:00 US/Eastern",
        "top_gainers": [mover.entry() for mover in by_change[: -_TOP - 1 : -1]],
        "top_losers": [mover.entry() for mover in by_change[:_TOP]],
        "most_actively_traded": [mover.entry() for mover in by_volume[:_TOP]],
    }
    return replies.json_reply(body)


def _signed(price: int) -> str:
    return f"-{price_to_text(-price)}" if price < 0 else price_to_text(price)


def _percent(last: DailyBar, before: DailyBar) -> str:
    """'0.4259%', '-0.5852%': rounded half up, away from zero."""
    change = last.row.close - before.row.close
    size = (2 * abs(change) * 100 * PRICE_SCALE + before.row.close) // (2 * before.row.close)
    return f"{_signed(size if change >= 0 else -size)}%"
