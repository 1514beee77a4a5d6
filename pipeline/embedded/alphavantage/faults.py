"""Faults on request: what the API is known to do on bad days, one request at a time or for a while.

A fault is named in the header `X-Tickerline-Fault` (`slow` or `slow; seconds=0.5`), or set by a POST to `/control`
(`{"fault": {"name": "slow", "seconds": 0.5, "times": 3}}`), for the next `times` requests, or until it is cleared.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from pipeline.domain.errors import InvalidValue
from pipeline.embedded.alphavantage import breakage, refusals
from pipeline.embedded.alphavantage.asking import Parameters
from pipeline.embedded.alphavantage.market import Change
from pipeline.embedded.alphavantage.replies import Reply

HEADER = "X-Tickerline-Fault"
SLOW, RESET, CUT_OFF, RUNNING = "slow", "reset", "cut-off", "running"  # these are not of the reply alone
_CHANGES = ("split", "revision")  # history is told differently as long as the fault is set

# The reply instead of the good one.
INSTEAD: dict[str, Callable[[Parameters], Reply]] = {
    "daily-limit": lambda asked: refusals.daily_limit(asked.get("apikey", "")),
    "burst-free": lambda _: refusals.burst_free(),
    "burst-free-2025": lambda _: refusals.burst_free_of_2025(),
    "burst-premium": lambda _: refusals.burst_premium(5),
    "minute-limit": lambda _: refusals.minute_limit(),
    "legacy-rate": lambda _: refusals.legacy_rate(),
    "premium-endpoint": lambda _: refusals.premium_endpoint(),
    "premium-full": lambda _: refusals.premium_full(),
    "not-entitled-realtime": lambda _: refusals.not_entitled("realtime"),
    "not-entitled-delayed": lambda _: refusals.not_entitled("delayed"),
    "key-missing": lambda _: refusals.key_missing(),
    "demo-key": lambda _: refusals.demo_key(),
    "invalid-call": lambda asked: refusals.invalid_call(asked.get("function", "")),
    "no-such-function": lambda asked: refusals.no_such_function(asked.get("function", "")),
    "news-invalid": lambda _: refusals.news_invalid_inputs(),
    "not-acceptable": lambda _: breakage.not_acceptable(),
    "unavailable": lambda _: breakage.unavailable(),
    "html": lambda _: breakage.html(),
    "empty-object": lambda _: breakage.empty_object(),
    "empty-body": lambda _: breakage.empty_body(),
    "artificial": lambda asked: breakage.artificial(asked),
    "key-quoted": lambda asked: breakage.key_quoted(asked.get("apikey", "")),
    "unknown-information": lambda _: breakage.unknown_information(),
}
# What is done to the good reply, to its `rows` newest rows.
DONE_TO: dict[str, Callable[[Reply, int], Reply]] = {
    "truncated": lambda reply, _: breakage.truncated(reply),
    "empty-series": lambda reply, _: breakage.empty_series(reply),
    "missing-volume": breakage.missing_volume,
    "none-values": breakage.none_values,
    "zero-low": breakage.zero_low,
}
NAMES = (*INSTEAD, *DONE_TO, SLOW, RESET, CUT_OFF, RUNNING, *_CHANGES)


@dataclass(frozen=True, slots=True)
class Fault:
    """`times`, `symbol` and `function` say which requests meet it: None is any. The others are details of single faults."""

    name: str
    times: int | None = None
    symbol: str | None = None
    function: str | None = None
    seconds: float = 1.0  # slow: how long the reply waits
    rows: int = 1  # faults of values: how many of the newest rows have it
    first: date = date.min  # split, revision: the days whose prices are multiplied by `factor`
    last: date = date.max
    factor: Decimal = Decimal("0.5")

    def meets(self, parameters: Parameters) -> bool:
        wanted = self.symbol is None or parameters.get("symbol", "").upper() == self.symbol
        return wanted and (self.function is None or parameters.get("function") == self.function)

    def state(self) -> dict[str, Any]:
        """As JSON."""
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: value if isinstance(value, int | float) else str(value) for name, value in told.items()}


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "times": int,
    "seconds": float,
    "rows": int,
    "first": date.fromisoformat,
    "last": date.fromisoformat,
    "factor": lambda value: Decimal(str(value)),
    "symbol": lambda value: str(value).upper(),
}


def fault_from(values: Mapping[str, Any]) -> Fault:
    """A fault out of a JSON object or a header's parts. Raises InvalidValue, which names the field."""
    unknown = set(values) - {field.name for field in fields(Fault)}
    if unknown:
        raise InvalidValue(f"fault.{min(unknown)}", "there is no such field")
    if values.get("name") not in NAMES:
        raise InvalidValue("fault.name", f"expected one of {', '.join(sorted(NAMES))}")
    read = {}
    for name, value in values.items():
        try:
            read[name] = _READERS.get(name, str)(value)
        except (ValueError, TypeError, InvalidOperation):
            raise InvalidValue(f"fault.{name}", "expected another kind of value") from None
    fault = Fault(**read)
    if fault.name in _CHANGES and fault.symbol is None:
        raise InvalidValue("fault.symbol", f"a {fault.name} is one symbol's")
    if not fault.factor > 0 or fault.rows < 1 or not 0 <= fault.seconds <= 3600 or (fault.times or 1) < 1:
        raise InvalidValue("fault", "expected a factor above zero, at least one row and one time, and at most an hour")
    return fault


def fault_from_header(text: str) -> Fault:
    """'slow; seconds=0.5'. Raises InvalidValue."""
    name, *details = (part.strip() for part in text.split(";"))
    return fault_from({"name": name, **dict(_pair(detail) for detail in details)})


def _pair(detail: str) -> tuple[str, str]:
    name, _, value = detail.partition("=")
    return name.strip(), value.strip()


def change_of(fault: Fault) -> Change | None:
    """What the fault does to history; None for any other fault."""
    if fault.name not in _CHANGES or fault.symbol is None:
        return None
    return Change(fault.symbol, fault.first, fault.last, fault.factor, split=fault.name == "split")


class Faults:
    """The faults that are set; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def set(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults = []

    def take(self, parameters: Parameters) -> Fault | None:
        """The first fault that a request meets, used up by one."""
        with self._lock:
            for i, fault in enumerate(self._faults):
                if fault.name not in _CHANGES and fault.meets(parameters):
                    if fault.times is not None:
                        left = replace(fault, times=fault.times - 1)
                        self._faults[i : i + 1] = [left] if left.times else []
                    return fault
        return None

    def changes(self) -> Sequence[Change]:
        with self._lock:
            return [change for fault in self._faults if (change := change_of(fault))]

    def state(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.state() for fault in self._faults]
