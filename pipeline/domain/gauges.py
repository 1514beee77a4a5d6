"""The numbers that alert rules of symbols look at, bar by bar.

A bar's high and low are looked at, not only its close: every tick is in exactly one live bar of a second, so no extreme between
two looks is missed. Which of a bar's extremes came first is not known; so a rise is measured from what was low before the bar, or
from its opening, and a bar that reaches both thresholds of a price rule has fired and not cleared.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from pipeline.domain.alerts import Alert, Happening, Rule, RuleKind, Standing, cleared, judge, words
from pipeline.domain.bars import PRICE_SCALE
from pipeline.domain.errors import InvalidValue
from pipeline.domain.times import from_ms


@dataclass(frozen=True, slots=True)
class Look:
    """A bar as rules see it. `place` is where it stands for windows: seconds of live bars, numbers of stored ones.

    Prices are integers of 1e-4. What is of another `session` is no move. `at_ms`: the end of its time, since 1970.
    """

    symbol: str
    place: int
    at_ms: int
    session: str
    open: int
    high: int
    low: int
    volume: int


class Gauge(Protocol):
    """Of one rule and one symbol; every bar in turn goes through it."""

    def __call__(self, look: Look) -> float: ...


def gauge_of(rule: Rule) -> Gauge | None:
    """None: the rule does not look at bars."""
    kinds: dict[RuleKind, Callable[[], Gauge]] = {
        RuleKind.ABOVE: lambda: lambda look: look.high / PRICE_SCALE,
        RuleKind.BELOW: lambda: lambda look: look.low / PRICE_SCALE,
        RuleKind.RISE: lambda: Move(rule.window_s, up=True),
        RuleKind.FALL: lambda: Move(rule.window_s, up=False),
        RuleKind.VOLUME: lambda: Volume(rule.window_s),
    }
    make = kinds.get(rule.kind)
    return make() if make else None


class Move:
    """Percent from the window's lowest price up to the bar's high, or from its highest down to the bar's low; 0 for none."""

    def __init__(self, window: int, up: bool) -> None:
        self._window, self._up, self._session = window, up, ""
        # Only bars that can still be the extreme, the most extreme one first.
        self._extremes: deque[tuple[int, int]] = deque()

    def __call__(self, look: Look) -> float:
        extremes = self._extremes
        if look.session != self._session:
            self._session = look.session
            extremes.clear()
        while extremes and extremes[0][0] <= look.place - self._window:
            extremes.popleft()
        before = [extremes[0][1], look.open] if extremes else [look.open]
        base = min(before) if self._up else max(before)
        moved = look.high - base if self._up else base - look.low
        own = look.low if self._up else look.high
        while extremes and (extremes[-1][1] >= own if self._up else extremes[-1][1] <= own):
            extremes.pop()
        extremes.append((look.place, own))
        return max(0.0, 100 * moved / base)


class Volume:
    """Shares within the window."""

    def __init__(self, window: int) -> None:
        self._window, self._sum, self._bars = window, 0, deque[tuple[int, int]]()

    def __call__(self, look: Look) -> float:
        self._bars.append((look.place, look.volume))
        self._sum += look.volume
        while self._bars[0][0] <= look.place - self._window:
            self._sum -= self._bars.popleft()[1]
        return self._sum


def dry_run(rule: Rule, looks: Iterable[Look], unit: str = "s") -> list[Alert]:
    """The alerts that the rule would have had over one symbol's bars, in order. Raises InvalidValue for no rule of bars."""
    gauge, standing, alerts = gauge_of(rule), Standing(), list[Alert]()
    if gauge is None:
        raise InvalidValue("kind", "expected a rule that looks at bars: nothing else is stored to try it on")
    for look in looks:
        value = gauge(look)
        standing, happening = judge(rule, standing, value, look.at_ms)
        if happening is None:
            continue
        at, text = from_ms(look.at_ms), words(rule, look.symbol, value, happening, unit)
        if happening == Happening.FIRED:
            names = rule.id, rule.name, rule.kind, look.symbol, standing.n
            alerts.append(Alert(*names, rule.threshold, value, text, at))
        else:
            alerts[-1] = cleared(alerts[-1], at, value, text)
    return alerts
