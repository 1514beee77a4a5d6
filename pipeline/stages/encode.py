"""Makes the batches of legs: bytes that are the same whoever makes them, whenever."""

from collections.abc import Iterator, Sequence

import numpy as np

from pipeline.domain.batches import Batch, Position, session_id
from pipeline.domain.sessions import Leg, Segment, Span
from pipeline.domain.ticks import Path, TickText, beat_text, play_all


class _Played:
    """Segments over the same beats, with their paths: one row a segment, so that a beat of all of them is taken at once."""

    def __init__(self, segments: Sequence[Segment], paths: Sequence[Path], session: str) -> None:
        self.paths = dict(zip(segments, paths, strict=True))
        self._first_beat = segments[0].first_beat
        self._lines = [(one.bar.symbol, TickText.of(one.bar, session), one.first_seq) for one in segments]
        self._prices, self._sizes = np.stack([p.prices for p in paths]), np.stack([p.sizes for p in paths])

    def blocks(self, start: int, end: int, beats: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Each symbol's ticks of the beats from `start` to before `end`, as lines."""
        first, last = start - self._first_beat, end - self._first_beat
        prices, sizes = self._prices[:, first:last].tolist(), self._sizes[:, first:last].tolist()
        for (symbol, text, seq), of_symbol, sizes_of in zip(self._lines, prices, sizes, strict=True):
            yield symbol, text.encode(seq + first, of_symbol, sizes_of, beats)


class Encoder:
    """Keeps the played paths of the spans that the last batch was of, and nothing else."""

    def __init__(self) -> None:
        self._leg: Leg | None = None
        self._spans: dict[int, list[_Played]] = {}  # by the span's end
        self._kept: dict[Segment, Path] = {}  # of the leg before

    def batch(self, leg: Leg, beat: int, seed: int, epoch: int, made_at: float) -> Batch:
        """The batch that begins with `beat`."""
        end = leg.batch_end(beat)
        beats = [beat_text(leg.session_ms, leg.shard, one, leg.due_ms(one)) for one in range(beat, end)]
        lines: dict[str, str] = {}
        n = 0
        for played, start, stop in self._playing(leg, beat, end, seed):
            for symbol, block in played.blocks(start, stop, beats[start - beat : stop - beat]):
                lines[symbol] = f"{lines[symbol]}\n{block}" if symbol in lines else block
                n += stop - start
        blocks = tuple((symbol, lines[symbol].encode()) for symbol in sorted(lines))
        return Batch(leg.shard, Position(leg.session_ms, end - 1), leg.before(beat), epoch, made_at, n, blocks)

    def _playing(self, leg: Leg, beat: int, end: int, seed: int) -> Iterator[tuple[_Played, int, int]]:
        if leg is not self._leg:
            # Another session may play the same bar by the same numbers: as other ticks.
            same = self._leg is not None and self._leg.session_ms == leg.session_ms
            playing = [played.paths for span in self._spans.values() for played in span] if same else []
            self._kept = {segment: path for paths in playing for segment, path in paths.items()}
            self._leg, self._spans = leg, {}
        for span in leg.spans:
            start, stop = max(beat, span.first_beat), min(end, span.end)
            if start < stop:
                for played in self._span(leg, span, seed):
                    yield played, start, stop

    def _span(self, leg: Leg, span: Span, seed: int) -> list[_Played]:
        if span.end not in self._spans:
            self._spans = {end: played for end, played in self._spans.items() if end == span.first_beat}
            session = session_id(leg.session_ms)
            # A segment ends with its span, though it may have begun in an earlier leg.
            segments = [one for one in leg.segments if one.first_beat + one.ticks == span.end]
            self._spans[span.end] = [
                self._play([one for one in segments if one.ticks == ticks], ticks, session, seed)
                for ticks in sorted({one.ticks for one in segments})
            ]
        return self._spans[span.end]

    def _play(self, segments: list[Segment], ticks: int, session: str, seed: int) -> _Played:
        new = [one for one in segments if one not in self._kept]
        paths = self._kept | dict(zip(new, play_all([one.bar for one in new], ticks, seed), strict=True))
        return _Played(segments, [paths[one] for one in segments], session)
