"""Checks every symbol's ticks by their numbers, which have no gaps within a session and begin at 1 in each."""

from dataclasses import dataclass

from pipeline.domain.ticks import tick_head, tick_number


@dataclass(slots=True)
class _Newest:
    """What a symbol's next tick begins with while its bar lasts, and the newest one's session and number."""

    head: bytes
    session: str
    seq: int


class Sequences:
    """`gaps` and `repeats` count ticks, of all symbols: what is missing before the first one of a symbol is not known."""

    def __init__(self) -> None:
        self.gaps = self.repeats = 0
        self._newest: dict[str, _Newest] = {}

    def newer(self, symbol: str, value: bytes) -> bool:
        """The symbol's next tick, encoded. False: it is not newer than the one before. Raises InvalidValue: it is none."""
        newest = self._newest.get(symbol)
        # Nearly every tick begins as the one before; then its number is found where that one had it.
        if newest is not None and value.startswith(newest.head):
            at = len(newest.head)
            seq = int(value[at : value.index(b",", at)])
            if seq == newest.seq + 1:
                newest.seq = seq
                return True
            return self._judge(newest, newest.head, newest.session, seq)
        session, seq = tick_number(value)
        if newest is None:
            self._newest[symbol] = _Newest(tick_head(value), session, seq)
            return True
        return self._judge(newest, tick_head(value), session, seq)

    def _judge(self, newest: _Newest, head: bytes, session: str, seq: int) -> bool:
        if (session, seq) <= (newest.session, newest.seq):
            self.repeats += 1
            return False
        self.gaps += seq - 1 - (newest.seq if session == newest.session else 0)
        newest.head, newest.session, newest.seq = head, session, seq
        return True
