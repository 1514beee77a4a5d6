"""Bars in files: CSV always, Parquet where pyarrow is installed (the extra `parquet`).

Both have the columns of `pipeline/domain/bar_rows.py`. In Parquet the time is a timestamp in UTC or a date, prices are decimals,
so nothing is rounded; read is whatever writes as plain text.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from pipeline.domain.bar_rows import TIME, columns, to_row
from pipeline.domain.bars import Bar
from pipeline.domain.times import rfc3339
from webui.console.errors import ConsoleError

FORMATS = ("csv", "parquet")
MOST_ROWS_AT_ONCE = 10_000


def format_of(path: Path, given: str | None) -> str:
    """By the option, else by the name's end."""
    return given or ("parquet" if path.suffix.lower() in (".parquet", ".pq") else "csv")


def read_file(path: Path, form: str) -> Iterator[Mapping[str, str | None]]:
    """The rows as text. Raises ConsoleError for a file that cannot be read as `form`."""
    try:
        yield from _read_parquet(path) if form == "parquet" else _read_csv(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConsoleError(f"{path}: not readable as {form}: {error}") from None


def _read_csv(path: Path) -> Iterator[Mapping[str, str | None]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            yield {(name or "").strip().lower(): value for name, value in row.items() if not isinstance(value, list)}


def _read_parquet(path: Path) -> Iterator[Mapping[str, str | None]]:
    arrow = _parquet()
    try:
        batches = arrow.ParquetFile(path).iter_batches(MOST_ROWS_AT_ONCE)
        for batch in batches:
            for row in batch.to_pylist():
                yield {str(name).lower(): _as_text(value) for name, value in row.items()}
    except ValueError as error:  # pyarrow's ArrowInvalid
        raise ConsoleError(f"{path}: not readable as parquet: {error}") from None


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return rfc3339(value) if value.tzinfo else value.isoformat(sep=" ")
    if isinstance(value, Decimal):
        return f"{value:f}"  # never 0E-8
    return value.isoformat() if isinstance(value, date) else str(value)


def write_csv(out: TextIO, interval: str, bars: Iterable[Bar]) -> int:
    """Returns the number of rows."""
    writer = csv.DictWriter(out, columns(interval), lineterminator="\n")
    writer.writeheader()
    count = 0
    for count, bar in enumerate(bars, start=1):  # noqa: B007
        writer.writerow(to_row(bar))
    return count


def write_parquet(path: Path, interval: str, bars: Iterable[Bar]) -> int:
    """Returns the number of rows. Raises ConsoleError without pyarrow."""
    parquet = _parquet()
    import pyarrow

    schema = pyarrow.schema([(name, _type(pyarrow, name, interval)) for name in columns(interval)])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        rows: list[dict[str, str]] = []
        for count, bar in enumerate(bars, start=1):  # noqa: B007
            rows.append(to_row(bar))
            if len(rows) == MOST_ROWS_AT_ONCE:
                writer.write_table(_table(pyarrow, schema, rows))
                rows = []
        writer.write_table(_table(pyarrow, schema, rows))
    return count


def _table(pyarrow: Any, schema: Any, rows: list[dict[str, str]]) -> Any:
    texts = {name: [row.get(name) or None for row in rows] for name in schema.names}
    return pyarrow.table([_column(pyarrow, texts[field.name], field.type) for field in schema], schema=schema)


def _column(pyarrow: Any, texts: list[str | None], kind: Any) -> Any:
    if pyarrow.types.is_timestamp(kind):
        return pyarrow.array([text and datetime.fromisoformat(text) for text in texts], kind)
    return pyarrow.array(texts, pyarrow.string()).cast(kind)


def _type(pyarrow: Any, name: str, interval: str) -> Any:
    kinds = {"volume": pyarrow.int64(), "source": pyarrow.string(), "synthetic": pyarrow.bool_()}
    if name == TIME:
        return pyarrow.timestamp("ms", "UTC") if interval.endswith("min") else pyarrow.date32()
    scale = 8 if name in ("adjusted_close", "dividend_amount", "split_coefficient") else 4
    return kinds.get(name) or pyarrow.decimal128(20, scale)


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise ConsoleError("Parquet needs pyarrow, which is the extra 'parquet': pip install pyarrow") from None
    return pyarrow.parquet
