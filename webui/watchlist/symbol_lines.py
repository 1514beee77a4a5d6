"""Many symbols as text, one a line: CSV, symbol[, priority[, enabled]]; a header, tabs and semicolons are understood too."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.domain.errors import InvalidValue
from pipeline.domain.symbols import checked_symbol

MOST_LINES = 5000
MOST_PRIORITY = 1_000_000
COLUMNS = ("symbol", "priority", "enabled")
_YES, _NO = ("yes", "true", "1", "on"), ("no", "false", "0", "off")


@dataclass(frozen=True, slots=True)
class Entry:
    symbol: str
    priority: int = 0
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Mistake:
    """`line` counts from 1, `field` is a column or "line"."""

    line: int
    field: str
    rule: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field}: {self.rule}"


def read(text: str) -> tuple[list[Entry], list[Mistake]]:
    """The entries in their order, and everything that is wrong with the text; with a mistake, none may be used."""
    entries, mistakes = dict[str, tuple[int, Entry]](), list[Mistake]()
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_divider(text), skipinitialspace=True, strict=True)
    columns: Sequence[str] | None = None
    try:
        for row in rows:
            line, cells = rows.line_num, [cell.strip() for cell in row]
            if not any(cells):
                continue
            if columns is None:
                header = cells[0].lower() == "symbol"
                columns = [cell.lower() for cell in cells] if header else COLUMNS
                if header:
                    mistakes += _of_header(line, columns)
                    continue
            if len(entries) == MOST_LINES:
                return [], [*mistakes, Mistake(line, "line", f"expected at most {MOST_LINES} symbols")]
            try:
                entry = _entry(columns, cells)
            except InvalidValue as error:
                mistakes.append(Mistake(line, error.field, error.rule))
                continue
            if entry.symbol in entries:
                mistakes.append(
                    Mistake(line, "symbol", f"expected it once; line {entries[entry.symbol][0]} has it too")
                )
            else:
                entries[entry.symbol] = (line, entry)
    except csv.Error as error:
        mistakes.append(Mistake(rows.line_num, "line", f"expected CSV: {error}"))
    return [entry for _, entry in entries.values()], mistakes


def written(entries: Sequence[Entry]) -> str:
    """The inverse of `read`."""
    return "".join(f"{one.symbol},{one.priority},{'yes' if one.enabled else 'no'}\n" for one in entries)


def _divider(text: str) -> str:
    return next((mark for mark in "\t;" if mark in text), ",")


def _of_header(line: int, columns: Sequence[str]) -> list[Mistake]:
    known = [column for column in columns if column in COLUMNS]
    if len(known) == len(columns) == len(set(columns)):
        return []
    return [Mistake(line, "line", f"expected as columns {', '.join(COLUMNS)}, each at most once")]


def _entry(columns: Sequence[str], cells: Sequence[str]) -> Entry:
    if len(cells) > len(columns) and any(cells[len(columns) :]):
        raise InvalidValue("line", f"expected at most {len(columns)} columns: {', '.join(columns)}")
    given = dict(zip(columns, cells, strict=False))
    symbol, priority = checked_symbol(given.get("symbol", "")), given.get("priority") or "0"
    if not re.fullmatch(r"[+-]?[0-9]{1,7}", priority) or abs(int(priority)) > MOST_PRIORITY:
        raise InvalidValue("priority", f"expected a whole number from -{MOST_PRIORITY} to {MOST_PRIORITY}")
    enabled = (given.get("enabled") or "yes").lower()
    if enabled not in (*_YES, *_NO):
        raise InvalidValue("enabled", "expected yes or no")
    return Entry(symbol, int(priority), enabled in _YES)
