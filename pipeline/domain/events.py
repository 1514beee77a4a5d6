"""Events that go out over SNS. The JSON forms here are what subscribers read."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self

from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import from_rfc3339, rfc3339


class Event(Protocol):
    def to_json(self) -> str: ...

    def attributes(self) -> dict[str, str]:
        """What a subscription's filter policy can test."""


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """`alert.fired` or `alert.cleared`: the message of an alert (`alerts.message`) as it goes out over every channel."""

    message: Mapping[str, Any]

    def to_json(self) -> str:
        return json.dumps(self.message, sort_keys=True)

    def attributes(self) -> dict[str, str]:
        return {name: str(self.message[name]) for name in ("type", "kind", "subject")}


@dataclass(frozen=True, slots=True)
class BarsEvent:
    """What a fetch did to the stored bars of one symbol, `count` of them, from `first` to `last` (bar times, UTC; None for 0)."""

    type: ClassVar[str]

    symbol: str
    interval: str
    count: int
    first: datetime | None
    last: datetime | None
    fetch_id: str
    trace_id: str
    source: str

    def to_json(self) -> str:
        value = asdict(self) | {"type": self.type}
        value["first"] = rfc3339(self.first) if self.first else None
        value["last"] = rfc3339(self.last) if self.last else None
        return json.dumps(value, sort_keys=True)

    def attributes(self) -> dict[str, str]:
        """What a subscription's filter policy can test."""
        return {"type": self.type, "symbol": self.symbol, "interval": self.interval, "source": self.source}

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises InvalidValue for anything that is not such an event."""
        try:
            value = json.loads(text)
            if value.pop("type") != cls.type:
                raise InvalidValue("type", f"expected {cls.type!r}")
            first, last = value.pop("first"), value.pop("last")
            return cls(first=from_rfc3339(first) if first else None, last=from_rfc3339(last) if last else None, **value)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            if isinstance(error, InvalidValue):
                raise
            raise InvalidValue("event", f"expected a {cls.type} event as JSON") from None


@dataclass(frozen=True, slots=True)
class BarsStored(BarsEvent):
    """New or changed bars are in the store."""

    type: ClassVar[str] = "bars.stored"


@dataclass(frozen=True, slots=True)
class BarsRevised(BarsEvent):
    """History has changed: settled bars have other values than before. The old ones are kept as revisions."""

    type: ClassVar[str] = "bars.revised"
