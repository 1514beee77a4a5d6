"""Answers as CSV files."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpResponse

CSV = "text/csv; charset=utf-8"


def as_csv(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> HttpResponse:
    """A file of this name, without its ending."""
    response = HttpResponse(csv_text(columns, rows), content_type=CSV)
    response["Content-Disposition"] = attachment(name)
    return response


def attachment(name: str) -> str:
    # A symbol may hold ':' or '^', which not every file system takes.
    return f'attachment; filename="{re.sub(r"[^A-Za-z0-9._-]", "_", name)}.csv"'


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A line of column names, then the rows."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
