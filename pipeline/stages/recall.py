"""Ticks that have passed, made again: they are stored nowhere for long, but plan and seed make their very bytes.

What has passed is what the receivers have confirmed to be in the table. Each question reads a bounded number of legs, and plays
the bars that it needs alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.domain.batches import Position
from pipeline.domain.errors import InvalidValue, NotPlanned, Unavailable
from pipeline.domain.rules import TickRules
from pipeline.domain.sessions import Session
from pipeline.domain.symbols import checked_symbol
from pipeline.domain.tick_statistics import TickStatistics
from pipeline.domain.ticks import TickText, beat_text, play
from pipeline.ports.plan_store import PlanStore
from pipeline.ports.watermarks import Watermarks
from pipeline.stages.locate import ShardPlan, Stretch, session_named

_LOOKED_THROUGH = 50  # sessions, the newest first, when none is named
_MOST_LEGS = 100  # that one question plays from


@dataclass(frozen=True, slots=True)
class Recalled:
    """Ticks of one symbol and session without a gap, ascending; `stretches` may be empty.

    `newest` is the highest number that has passed. `more`: the range goes on beyond what was taken of it. `note` says in words
    what of the range cannot be told.
    """

    session: Session
    stretches: tuple[Stretch, ...]
    newest: int
    more: bool = False
    note: str = ""

    @property
    def first_seq(self) -> int | None:
        return self.stretches[0].first_seq if self.stretches else None

    @property
    def last_seq(self) -> int | None:
        return self.stretches[-1].last_seq if self.stretches else None

    def lines(self) -> list[str]:
        """As they stand on the log, without their ends of line."""
        return [line for stretch in self.stretches for line in _lines(stretch, self.session)]

    def statistics(self) -> TickStatistics:
        prices, sizes = [], []
        for stretch in self.stretches:
            of_stretch = _played(stretch, self.session)
            prices += of_stretch[0]
            sizes += of_stretch[1]
        return TickStatistics.of(prices, sizes)


class Recall:
    """Its methods raise InvalidValue; NotPlanned where no tick of the symbol has passed; Unavailable."""

    def __init__(self, plan: PlanStore, watermarks: Watermarks, rules: TickRules, plan_days: int) -> None:
        self._plan, self._watermarks, self._rules, self._plan_days = plan, watermarks, rules, plan_days

    def newest(self, symbol: str, count: int, upto: int | None = None, session: str | None = None) -> Recalled:
        """The `count` ticks up to this number, or up to the newest: of the session with this id, or of the newest one."""
        ticks = self._ticks(checked_symbol(symbol), session)
        seq, taken, left = min(upto or ticks.newest, ticks.newest), list[Stretch](), count
        for _ in range(_MOST_LEGS):
            found = ticks.of_leg(seq) if seq and left else []
            for stretch in reversed(found):
                if left and stretch.first_seq <= seq:
                    last = min(stretch.last_seq, seq)
                    taken.append(_cut(stretch, max(stretch.first_seq, last - left + 1), last))
                    left -= taken[-1].count
                    seq = taken[-1].first_seq - 1
            if not found:
                break
        gone = seq > 0 and left > 0 and not ticks.of_leg(seq)
        notes = [self._gone(seq + 1) if gone else "", ticks.not_passed(upto)]
        return ticks.recalled(reversed(taken), seq > 0 and not gone, notes)

    def onward(
        self, symbol: str, first: int, count: int, upto: int | None = None, session: str | None = None
    ) -> Recalled:
        """The `count` ticks from this number on, to `upto` at most."""
        if upto is not None and upto < first:
            raise InvalidValue("from_seq", "expected from_seq <= to_seq")
        ticks = self._ticks(checked_symbol(symbol), session)
        end, oldest = min(upto or ticks.newest, ticks.newest), ticks.oldest()
        seq, taken, left = max(first, oldest), list[Stretch](), count
        for _ in range(_MOST_LEGS):
            found = ticks.of_leg(seq) if seq <= end and left else []
            for stretch in found:
                if left and stretch.first_seq <= seq <= min(stretch.last_seq, end):
                    taken.append(_cut(stretch, seq, min(stretch.last_seq, end, seq + left - 1)))
                    left -= taken[-1].count
                    seq = taken[-1].last_seq + 1
            if not found:
                break
        notes = [self._gone(oldest) if first < oldest else "", ticks.not_passed(upto)]
        return ticks.recalled(taken, seq <= end, notes)

    def _gone(self, seq: int) -> str:
        return f"ticks before {seq} have left the plan, which keeps {self._plan_days} days"

    def _ticks(self, symbol: str, session: str | None) -> "_Ticks":
        sessions = [session_named(self._plan, session)] if session else self._plan.sessions(_LOOKED_THROUGH)
        sessions = [one for one in sessions if symbol in one.members]
        # The plan after what has passed: a leg is written before its first tick is sent.
        plans: dict[int, tuple[Position, ShardPlan]] = {}
        for one in sessions:
            shard = one.shard(symbol, self._rules.shards)
            if shard not in plans:
                plans[shard] = self._passed(shard), ShardPlan(self._plan, shard)
            passed, plan = plans[shard]
            upto = plan.upto(one.opened_ms, passed)
            if newest := plan.newest(one.opened_ms, symbol, upto):
                return _Ticks(plan, one, symbol, upto, newest)
        where = f"session {session}" if session else f"any of the newest {_LOOKED_THROUGH} sessions"
        raise NotPlanned(f"no tick of {symbol} has passed in {where}")

    def _passed(self, shard: int) -> Position:
        confirmed = self._watermarks.confirmed([shard])
        if shard not in confirmed:
            raise Unavailable("no receiver has confirmed what its table has")
        return confirmed[shard] or Position(0, 0)


@dataclass(frozen=True, slots=True)
class _Ticks:
    """What has passed of one symbol in one session."""

    plan: ShardPlan
    session: Session
    symbol: str
    upto: Position
    newest: int

    def of_leg(self, seq: int) -> list[Stretch]:
        return self.plan.stretches(self.session.opened_ms, self.symbol, seq, self.upto)

    def oldest(self) -> int:
        return self.plan.oldest(self.session.opened_ms, self.symbol)

    def not_passed(self, upto: int | None) -> str:
        return f"no tick after {self.newest} has passed" if upto and upto > self.newest else ""

    def recalled(self, stretches: Iterable[Stretch], more: bool, notes: Sequence[str]) -> Recalled:
        return Recalled(self.session, tuple(stretches), self.newest, more, "; ".join(filter(None, notes)))


def _cut(stretch: Stretch, first: int, last: int) -> Stretch:
    return Stretch(stretch.leg, stretch.segment, first, last)


def _played(stretch: Stretch, session: Session) -> tuple[list[int], list[int]]:
    """Prices and sizes."""
    segment = stretch.segment
    path = play(segment.bar, segment.ticks, session.seed)
    within = slice(stretch.first_seq - segment.first_seq, stretch.last_seq - segment.first_seq + 1)
    return path.prices[within].tolist(), path.sizes[within].tolist()


def _lines(stretch: Stretch, session: Session) -> list[str]:
    leg, segment = stretch.leg, stretch.segment
    prices, sizes = _played(stretch, session)
    begins = segment.first_beat + stretch.first_seq - segment.first_seq
    beats = [
        beat_text(leg.session_ms, leg.shard, beat, leg.due_ms(beat)) for beat in range(begins, begins + stretch.count)
    ]
    return TickText.of(segment.bar, session.id).encode(stretch.first_seq, prices, sizes, beats).split("\n")
