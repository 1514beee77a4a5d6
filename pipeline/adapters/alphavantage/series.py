"""Reads the bars of a series. A row that breaks a rule is rejected with its reason; the others are read all the same."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pipeline.adapters.alphavantage import replies
from pipeline.domain.bars import Adjustment, Bar, daily_bar_time, price_from_text, rounded_from_text
from pipeline.domain.calendar import is_session, last_closed_session, next_session, session_close
from pipeline.domain.errors import InvalidValue, MarketDataKind
from pipeline.domain.fetches import Reply
from pipeline.domain.periods import eastern_to_utc, is_over, period_start
from pipeline.domain.readings import Reading, RejectedRow, Rejections
from pipeline.domain.requests import INTRADAY_MINUTES, Function, Request

_DAY = re.compile(r"(\d{4}-\d\d-\d\d)( \d\d:\d\d:\d\d)?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_VOLUME = re.compile(r"\d{1,16}", re.ASCII)
_ZONES = ("US/Eastern", "US/Eastern Time")
_AHEAD = timedelta(hours=1)  # what a machine's clock may be behind the exchange's


def read_series(body: Any, reply: Reply, request: Request, source: str) -> Reading:
    """The bars of a decoded reply. Raises MarketDataError when its form is not a series' of `request`."""
    rows = replies.checked(body, request)
    meta = _meta(body, request)
    rejections = Rejections()
    reader = _reader(request, reply, meta, source)
    bars: dict[datetime, tuple[str, Bar]] = {}
    for stamp in sorted(rows):
        try:
            bar = reader.bar(stamp, rows[stamp])
        except (InvalidValue, ValueError, OverflowError) as problem:
            reason = str(problem) if isinstance(problem, InvalidValue) else "time: expected a date that exists"
            rejections.add(rejected(stamp, reason, rows[stamp]))
            continue
        if bar.time in bars:  # two rows of one week: the later stamp is the more complete
            earlier = bars[bar.time][0]
            rejections.add(rejected(earlier, "time: expected one row for a period", rows[earlier]))
        bars[bar.time] = (stamp, bar)
    return rejections.reading(bar for _, bar in bars.values())


def rejected(row: str, reason: str, values: Any) -> RejectedRow:
    try:
        return RejectedRow(row, reason, json.dumps(values))
    except RecursionError:  # nested just as deep as the decoder bears
        return RejectedRow(row, reason)


def _meta(body: Mapping[str, Any], request: Request) -> Mapping[str, Any]:
    """The meta data by their names without numbers. Raises MarketDataError when they tell of another symbol or zone."""
    given = body.get("Meta Data", {})
    if not isinstance(given, dict):
        raise replies.error(MarketDataKind.MALFORMED, "its meta data are no object")
    meta = {key.partition(". ")[2]: value for key, value in given.items()}
    if meta.get("Time Zone", _ZONES[0]) not in _ZONES:
        raise replies.error(MarketDataKind.MALFORMED, "its times are not US/Eastern")
    symbol = meta.get("Symbol", request.symbol)
    if not isinstance(symbol, str) or _letters(symbol) != _letters(str(request.symbol)):
        raise replies.error(MarketDataKind.MALFORMED, "it tells of another symbol")
    return meta


def _letters(symbol: str) -> str:
    """A class share may be echoed as BRK.B or BRK-B."""
    return re.sub(r"[^A-Z0-9]", "", symbol.upper())


@dataclass(frozen=True)
class _Reader:
    request: Request
    symbol: str
    interval: str
    source: str
    recorded: tuple[str, str] | None
    adjusted: bool

    def bar(self, stamp: str, row: Any) -> Bar:
        """Raises InvalidValue, which names the field; ValueError or OverflowError for a time that is none."""
        day, time, forming = self.place(stamp)
        if not isinstance(row, dict):
            raise InvalidValue("row", "expected an object")
        price = _float_price if self.adjusted else price_from_text
        return Bar(
            symbol=self.symbol,
            interval=self.interval,
            time=time,
            open=price(_text(row, "1. open"), "open"),
            high=price(_text(row, "2. high"), "high"),
            low=price(_text(row, "3. low"), "low"),
            close=price(_text(row, "4. close"), "close"),
            volume=_volume(_text(row, "6. volume" if self.adjusted else "5. volume")),
            source=self.source,
            synthetic=self.recorded is not None and not self.recorded[0] <= day <= self.recorded[1],
            forming=forming,
            adjustment=_adjustment(row, self.request) if self.adjusted else None,
        )

    def place(self, stamp: str) -> tuple[str, datetime, bool]:
        """The stamp's date as ISO text, the bar's time, and whether it is forming still."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Intraday(_Reader):
    length: timedelta
    now: datetime

    def place(self, stamp: str) -> tuple[str, datetime, bool]:
        if not _TIME.fullmatch(stamp):
            raise InvalidValue("time", "expected YYYY-MM-DD HH:MM:SS")
        start = eastern_to_utc(datetime.fromisoformat(stamp))
        if start > self.now + _AHEAD:
            raise InvalidValue("time", "expected one that has come")
        return stamp[:10], start, start + self.length > self.now


@dataclass(frozen=True)
class _Calendar(_Reader):
    closed: date  # the newest session that had closed
    last: date  # the session after it, the running one or the next: no row is later

    def place(self, stamp: str) -> tuple[str, datetime, bool]:
        found = _DAY.fullmatch(stamp)
        if not found:
            raise InvalidValue("time", "expected YYYY-MM-DD")
        day = date.fromisoformat(found[1])
        if day > self.last:
            raise InvalidValue("time", "expected a day that has come")
        start = period_start(self.interval, day)
        return found[1], daily_bar_time(start), not is_over(self.interval, start, self.closed)


def _reader(request: Request, reply: Reply, meta: Mapping[str, Any], source: str) -> _Reader:
    symbol, interval = str(request.symbol), str(request.series)
    what = (request, symbol, interval, source, reply.recorded, interval.endswith("_adjusted"))
    if request.interval:
        length = timedelta(minutes=INTRADAY_MINUTES[request.interval])
        return _Intraday(*what, length, reply.received_at)
    closed = last_closed_session(reply.received_at)
    return _Calendar(*what, min(closed, _closed_when_refreshed(meta, closed)), next_session(closed))


def _closed_when_refreshed(meta: Mapping[str, Any], closed: date) -> date:
    """A reply may be older than its arrival: refreshed during a session, it says when, and that session's bar is not final."""
    refreshed = meta.get("Last Refreshed")
    if not isinstance(refreshed, str) or not _TIME.fullmatch(refreshed):
        return closed
    try:
        moment = eastern_to_utc(datetime.fromisoformat(refreshed))
        day = date.fromisoformat(refreshed[:10])
    except (ValueError, OverflowError):
        return closed
    running = day.year == closed.year and is_session(day) and moment < session_close(day)
    return last_closed_session(moment) if running else closed


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise InvalidValue(key.partition(". ")[2], "missing" if value is None else "expected a number as text")
    return value


def _float_price(text: str, field: str) -> int:
    """Adjusted series show the API's floats: 236.13099999999997 where the plain series has 236.1310."""
    return rounded_from_text(text, field, 4)


def _volume(text: str) -> int:
    if not _VOLUME.fullmatch(text):
        raise InvalidValue("volume", "expected a whole number")
    return int(text)


def _adjustment(row: Mapping[str, Any], request: Request) -> Adjustment:
    # Weekly and monthly rows don't say the split.
    split = "8. split coefficient" if request.function == Function.TIME_SERIES_DAILY_ADJUSTED else None
    return Adjustment(
        close=rounded_from_text(_text(row, "5. adjusted close"), "adjusted close", 8),
        dividend=rounded_from_text(_text(row, "7. dividend amount"), "dividend amount", 8),
        split=rounded_from_text(_text(row, split), "split coefficient", 8) if split else None,
    )
