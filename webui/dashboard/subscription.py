"""What a client asks for, as it says it: in the query string when it connects, in `subscribe` messages later."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from pipeline.domain.errors import InvalidValue
from pipeline.domain.frames import TOPICS
from pipeline.domain.symbols import checked_symbol

DEFAULT_TOPICS = ("ticks", "stages", "events")
MAX_SYMBOLS = 200  # of one client; all of them count as one
MAX_MESSAGE = 4096  # bytes
MAX_ID = 64  # characters of a ping's id
PARAMETERS = ("topics", "symbols", "epoch", "seq")
OPS = ("subscribe", "ping")
_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Subscription:
    """`symbols` filters ticks and bars; None: all."""

    topics: frozenset[str] = frozenset(DEFAULT_TOPICS)
    symbols: frozenset[str] | None = None

    def filter(self, topic: str) -> frozenset[str] | None:
        return self.symbols if topic in ("ticks", "bars") else None


class Seen(NamedTuple):
    """The last frame that a client that comes back has seen."""

    epoch: str
    seq: int


class Ping(NamedTuple):
    id: int | str
    t: float | None


def from_query(query: bytes) -> tuple[Subscription, Seen | None]:
    """Raises InvalidValue, naming the parameter and the rule."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=len(PARAMETERS))
    except ValueError:
        raise InvalidValue("query", f"expected at most {len(PARAMETERS)} parameters, percent-encoded") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise InvalidValue("query", "expected each parameter once")
    if unknown := sorted(given.keys() - set(PARAMETERS)):
        raise InvalidValue(unknown[0][:MAX_ID], f"expected one of the parameters {', '.join(PARAMETERS)}")
    wanted = {name: given[name].split(",") for name in ("topics", "symbols") if name in given}
    return _subscription(wanted.get("topics"), wanted.get("symbols")), _seen(given)


def from_message(text: str) -> Subscription | Ping:
    """Raises InvalidValue, naming the field and the rule."""
    try:
        message = orjson.loads(text)
    except ValueError:
        raise InvalidValue("message", "expected JSON") from None
    if not isinstance(message, dict) or message.get("op") not in OPS:
        raise InvalidValue("op", f"expected an object whose op is {' or '.join(OPS)}")
    names = {"subscribe": ("op", "topics", "symbols"), "ping": ("op", "id", "t")}[message["op"]]
    if unknown := sorted(message.keys() - set(names)):
        raise InvalidValue(unknown[0][:MAX_ID], f"expected one of {', '.join(names)}")
    if message["op"] == "ping":
        return _ping(message.get("id"), message.get("t"))
    return _subscription(message.get("topics"), message.get("symbols"))


def _subscription(topics: object, symbols: object) -> Subscription:
    chosen = DEFAULT_TOPICS if topics is None else _listed("topics", topics)
    if strange := [topic for topic in chosen if topic not in TOPICS]:
        raise InvalidValue("topics", f"expected some of {', '.join(TOPICS)}, got {str(strange[0])[:MAX_ID]!r}")
    if symbols is None:
        return Subscription(frozenset(chosen))
    names = frozenset(checked_symbol(symbol, "symbols") for symbol in _listed("symbols", symbols))
    if len(names) > MAX_SYMBOLS:
        raise InvalidValue("symbols", f"expected at most {MAX_SYMBOLS} symbols, or none for all; got {len(names)}")
    return Subscription(frozenset(chosen), names)


def _listed(field: str, value: object) -> Sequence[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise InvalidValue(field, "expected at least one, or nothing at all for the default")
    return value


def _seen(given: dict[str, str]) -> Seen | None:
    if not {"epoch", "seq"} & given.keys():
        return None
    if not {"epoch", "seq"} <= given.keys():
        raise InvalidValue("seq" if "epoch" in given else "epoch", "expected epoch and seq together")
    if not _NUMBER.fullmatch(given["seq"]):
        raise InvalidValue("seq", "expected the number of a frame")
    return Seen(given["epoch"], int(given["seq"]))


def _ping(identity: Any, t: Any) -> Ping:
    whole = isinstance(identity, int) and not isinstance(identity, bool)
    if not whole and not (isinstance(identity, str) and len(identity) <= MAX_ID):
        raise InvalidValue("id", f"expected an integer or a text of at most {MAX_ID} characters")
    if t is not None and (not isinstance(t, int | float) or isinstance(t, bool)):
        raise InvalidValue("t", "expected a number, the client's time in ms")
    return Ping(identity, t)


def unseen(symbols: Iterable[str]) -> str:
    """The rule of the error that warns of symbols that nobody has seen yet."""
    names = sorted(symbols)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"not seen so far: {', '.join(names[:5])}{more}; subscribed all the same, since they may come"
