"""Events that go out over SNS. The JSON forms here are what subscribers read."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import from_rfc3339, rfc3339

BARS_STORED = "bars.stored"


@dataclass(frozen=True, slots=True)
class BarsStored:
    """Bars of one symbol are in the store. `count` new or changed ones, from `first` to `last` (bar times, UTC; None for 0)."""

    symbol: str
    interval: str
    count: int
    first: datetime | None
    last: datetime | None
    fetch_id: str
    trace_id: str
    source: str

    def to_json(self) -> str:
        value = asdict(self) | {"type": BARS_STORED}
        value["first"] = rfc3339(self.first) if self.first else None
        value["last"] = rfc3339(self.last) if self.last else None
        return json.dumps(value, sort_keys=True)

    def attributes(self) -> dict[str, str]:
        """What a subscription's filter policy can test."""
        return {"type": BARS_STORED, "symbol": self.symbol, "interval": self.interval, "source": self.source}

    @classmethod
    def from_json(cls, text: str) -> "BarsStored":
        """Raises InvalidValue for anything that is not such an event."""
        try:
            value = json.loads(text)
            if value.pop("type") != BARS_STORED:
                raise InvalidValue("type", f"expected {BARS_STORED!r}")
            first, last = value.pop("first"), value.pop("last")
            return cls(first=from_rfc3339(first) if first else None, last=from_rfc3339(last) if last else None, **value)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            if isinstance(error, InvalidValue):
                raise
            raise InvalidValue("event", f"expected a {BARS_STORED} event as JSON") from None
