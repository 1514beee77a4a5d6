"""Makes the batches of legs: bytes that are the same whoever makes them, whenever."""

from collections.abc import Iterator

from pipeline.domain.batches import Batch, Position, session_id
from pipeline.domain.sessions import Leg, Segment, Span
from pipeline.domain.ticks import Path, TickText, beat_text, play_all


class _Played:
    """A segment and its path."""

    __slots__ = ("first_beat", "first_seq", "prices", "segment", "sizes", "symbol", "text")

    def __init__(self, segment: Segment, path: Path, session: str) -> None:
        self.segment = segment
        self.symbol, self.text = segment.bar.symbol, TickText.of(segment.bar, session)
        self.first_beat, self.first_seq = segment.first_beat, segment.first_seq
        self.prices, self.sizes = path.prices, path.sizes

    def ticks(self, start: int, end: int, beats: list[str]) -> Iterator[str]:
        """Of the beats from `start` to before `end`."""
        first, last = start - self.first_beat, end - self.first_beat
        prices, sizes = self.prices[first:last].tolist(), self.sizes[first:last].tolist()
        return self.text.encode(self.first_seq + first, prices, sizes, beats)


class Encoder:
    """Keeps the played paths of the spans that the last batch was of, and nothing else."""

    def __init__(self) -> None:
        self._leg: Leg | None = None
        self._spans: dict[int, list[_Played]] = {}  # by the span's end
        self._kept: dict[Segment, _Played] = {}  # of the leg before

    def batch(self, leg: Leg, beat: int, seed: int, epoch: int, made_at: float) -> Batch:
        """The batch that begins with `beat`."""
        end = leg.batch_end(beat)
        beats = [beat_text(leg.session_ms, leg.shard, one, leg.due_ms(one)) for one in range(beat, end)]
        lines: dict[str, list[str]] = {}
        n = 0
        for played, start, stop in self._playing(leg, beat, end, seed):
            lines.setdefault(played.symbol, []).extend(played.ticks(start, stop, beats[start - beat : stop - beat]))
            n += stop - start
        blocks = tuple((symbol, "\n".join(lines[symbol]).encode()) for symbol in sorted(lines))
        return Batch(leg.shard, Position(leg.session_ms, end - 1), leg.before(beat), epoch, made_at, n, blocks)

    def _playing(self, leg: Leg, beat: int, end: int, seed: int) -> Iterator[tuple[_Played, int, int]]:
        if leg is not self._leg:
            # Another session may play the same bar by the same numbers: as other ticks.
            same = self._leg is not None and self._leg.session_ms == leg.session_ms
            self._kept = {one.segment: one for span in self._spans.values() for one in span} if same else {}
            self._leg, self._spans = leg, {}
        for span in leg.spans:
            start, stop = max(beat, span.first_beat), min(end, span.end)
            if start < stop:
                for played in self._span(leg, span, seed):
                    yield played, start, stop

    def _span(self, leg: Leg, span: Span, seed: int) -> list[_Played]:
        if span.end not in self._spans:
            self._spans = {end: played for end, played in self._spans.items() if end == span.first_beat}
            # A segment ends with its span, though it may have begun in an earlier leg.
            segments = [one for one in leg.segments if one.first_beat + one.ticks == span.end]
            played = self._played([one for one in segments if one not in self._kept], session_id(leg.session_ms), seed)
            self._spans[span.end] = [self._kept.get(one) or played[one] for one in segments]
        return self._spans[span.end]

    def _played(self, segments: list[Segment], session: str, seed: int) -> dict[Segment, _Played]:
        played: dict[Segment, _Played] = {}
        for ticks in {one.ticks for one in segments}:
            alike = [one for one in segments if one.ticks == ticks]
            paths = play_all([one.bar for one in alike], ticks, seed)
            played |= {one: _Played(one, path, session) for one, path in zip(alike, paths, strict=True)}
        return played
