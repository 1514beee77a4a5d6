"""The files that the simulator ships with: the symbols that it knows, and the daily rows of a real market."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from pipeline.domain.bars import price_from_text
from pipeline.domain.errors import InvalidValue

_CENT = 100  # of 1e-4 US dollars


class Row(NamedTuple):
    """One session's values without its date. Prices are integers of 1e-4 US dollars, the volume is in shares."""

    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol. Either it names its recorded rows, or it has a price (1e-4 US dollars) and a volume to start from."""

    symbol: str
    name: str
    exchange: str
    sector: str
    base_price: int  # 0 with recorded rows, like the volume
    typical_volume: int
    recorded_as: str | None


def read_listing(path: Path) -> dict[str, Listing]:
    """The symbols of listing.csv, by symbol."""
    with path.open(newline="") as file:
        return {line["symbol"]: _listing(line) for line in csv.DictReader(file)}


def _listing(line: Mapping[str, str]) -> Listing:
    base_price = price_from_text(line["base_price"] or "0", "base_price")
    typical_volume = int(line["typical_volume"] or 0)
    if not line["recorded_as"] and (base_price <= 0 or typical_volume <= 0):
        raise InvalidValue(line["symbol"], "expected recorded rows, or a price and a volume above zero")
    return Listing(
        symbol=line["symbol"],
        name=line["name"],
        exchange=line["exchange"],
        sector=line["sector"],
        base_price=base_price,
        typical_volume=typical_volume,
        recorded_as=line["recorded_as"] or None,
    )


@dataclass(frozen=True, slots=True)
class Recorded:
    """A real market's sessions, oldest first: their rows, and the dividends (1e-4 US dollars a share) of each ex-date."""

    rows: list[Row]
    dividends: list[int]

    @property
    def typical_volume(self) -> int:
        return sum(row.volume for row in self.rows) // len(self.rows)


def read_recorded(path: Path) -> Mapping[str, Recorded]:
    """The rows of daily_wiki.csv by the symbol that they were recorded as."""
    lines: dict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(newline="") as file:
        for line in csv.DictReader(file):
            lines[line["symbol"]].append(line)
    return {symbol: _recorded(sorted(own, key=lambda line: line["date"])) for symbol, own in lines.items()}


def _recorded(lines: list[dict[str, str]]) -> Recorded:
    rows, dividends = [], [0]
    for line in lines:
        opening, high, low, close = (price_from_text(line[name], name) for name in ("open", "high", "low", "close"))
        rows.append(Row(opening, high, low, close, int(line["volume"])))
    ratios = [Decimal(line["adj_close"]) / Decimal(line["close"]) for line in lines]
    for i in range(1, len(rows)):
        # The file has no dividends, but its adjusted closes grow by them: by dividend / close, against the raw ones.
        grown = Decimal(rows[i].close) * (ratios[i] / ratios[i - 1] - 1) / _CENT
        dividends.append(int(grown.to_integral_value()) * _CENT)
    return Recorded(rows, dividends)
