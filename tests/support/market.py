"""A market that is asked in the test's process: each symbol has bars for some slots, and nothing leaves memory."""

import json
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pipeline.domain.bars import EASTERN, Bar, daily_bar_time, session_date
from pipeline.domain.calendar import session_close
from pipeline.domain.errors import MarketDataError, MarketDataKind
from pipeline.domain.fetches import Reply
from pipeline.domain.readings import Reading
from pipeline.domain.requests import INTRADAY_MINUTES, Request
from pipeline.ports.clock import Clock

AT = datetime(2026, 11, 20, 22, tzinfo=UTC)


@dataclass
class FakeMarket:
    """The port's `ask` and `read` for bars. `days`: a symbol's sessions; `errors`: what it answers instead, in order."""

    days: dict[str, list[date]] = field(default_factory=dict)
    errors: dict[str, list[MarketDataKind]] = field(default_factory=dict)
    full_is_premium: bool = False
    asked: Counter[str] = field(default_factory=Counter)
    clock: Clock | None = None
    asked_at: list[datetime] = field(default_factory=list)
    source: str = "simulator"
    lock: Any = field(default_factory=threading.Lock)

    def ask(self, request: Request) -> Reply:
        with self.lock:
            self.asked[request.text] += 1
            if self.clock:
                self.asked_at.append(self.clock.now())
            symbol = str(request.symbol)
            if self.errors.get(symbol):
                raise MarketDataError(self.errors[symbol].pop(0), "said so")
        if request.full and self.full_is_premium and not request.month:
            raise MarketDataError(MarketDataKind.PREMIUM, "premium", full_refused=True)
        days = [day for day in self.days.get(symbol, []) if request.month in (None, f"{day:%Y-%m}")]
        if not days:
            kind = MarketDataKind.BAD_CALL if request.month else MarketDataKind.UNKNOWN_SYMBOL
            raise MarketDataError(kind, "nothing there")
        chosen = days if request.full or not request.sized else days[-100:]
        times = [moment.isoformat() for day in chosen for moment in self._times(request, day)]
        return Reply(json.dumps({"times": times}), AT)

    def read(self, reply: Reply, request: Request) -> Reading:
        times = map(datetime.fromisoformat, json.loads(reply.body)["times"])
        return Reading(tuple(made_bar(str(request.symbol), str(request.series), moment) for moment in times))

    @staticmethod
    def _times(request: Request, day: date) -> Iterable[datetime]:
        if request.series not in INTRADAY_MINUTES:
            return [daily_bar_time(day)]
        length = timedelta(minutes=INTRADAY_MINUTES[str(request.series)])
        opening = datetime.combine(day, time(9, 30), EASTERN).astimezone(UTC)
        return [opening + length * n for n in range(-((opening - session_close(day)) // length))]


def made_bar(symbol: str, interval: str, moment: datetime) -> Bar:
    price = 1_000_000 + 100 * (session_date(moment).toordinal() % 1000) + 10 * len(symbol) + moment.hour
    return Bar(symbol, interval, moment, price, price + 50, price - 50, price + 20, 1000 + moment.minute, "simulator")
