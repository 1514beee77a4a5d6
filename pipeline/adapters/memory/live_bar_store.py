"""Live bars in memory."""

from collections.abc import Sequence

from pipeline.domain.live_bars import LiveBar
from pipeline.ports.live_bar_store import KEPT


class MemoryLiveBarStore:
    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], list[LiveBar]] = {}

    def add(self, bars: Sequence[LiveBar]) -> None:
        for bar in bars:
            kept = self._kept.setdefault((bar.symbol, bar.interval), [])
            if not kept or (bar.session, bar.first_seq) > (kept[-1].session, kept[-1].first_seq):
                kept.append(bar)
                del kept[: -KEPT[bar.interval]]

    def bars(self, symbol: str, interval: str) -> list[LiveBar]:
        return list(self._kept.get((symbol, interval), []))

    def newest(self, symbols: Sequence[str], interval: str, count: int) -> dict[str, list[LiveBar]]:
        return {symbol: self.bars(symbol, interval)[-count:] for symbol in symbols}
