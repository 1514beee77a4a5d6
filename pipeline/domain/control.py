"""What people tell a session while it plays: orders, kept in the session, each with the moment from which it holds.

An order lies a little ahead of its giving, so that every driver knows it before that moment: all shards obey at the same beat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.domain.errors import InvalidValue

SLOWEST, FASTEST = 0.1, 1000.0


class OrderKind(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    SPEED = "speed"
    SEEK = "seek"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Order:
    """`at_ms` since 1970. `value`: the factor of a `speed`, the slot's index of a `seek`."""

    at_ms: int
    kind: OrderKind
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """What a run of orders comes to: `paused` as it is then; None: as it was. `count` orders are obeyed by it."""

    at_ms: int
    count: int
    paused: bool
    speed: float | None = None
    slot: int | None = None


def checked_speed(speed: float) -> float:
    """Raises InvalidValue."""
    if not SLOWEST <= speed <= FASTEST:
        raise InvalidValue("speed", f"expected a factor from {SLOWEST:g} to {FASTEST:g}, got {speed:g}")
    return speed


def change_due(orders: Sequence[Order], obeyed: int, paused: bool, by_ms: int) -> Change | None:
    """What the orders after the first `obeyed` that hold at `by_ms` come to; None: there are none."""
    pending = []
    for order in orders[obeyed:]:
        if order.at_ms > by_ms:
            break
        pending.append(order)
    if not pending:
        return None
    speed: float | None = None
    slot: int | None = None
    for order in pending:
        match order.kind:
            case OrderKind.PAUSE | OrderKind.STOP:
                paused = True
            case OrderKind.RESUME:
                paused = False
            case OrderKind.SPEED:
                speed = order.value
            case OrderKind.SEEK:
                slot = int(order.value)
    return Change(pending[-1].at_ms, len(pending), paused, speed, slot)


def stopped(orders: Sequence[Order]) -> bool:
    """Nothing is obeyed after a stop."""
    return bool(orders) and orders[-1].kind == OrderKind.STOP
