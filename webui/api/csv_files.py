"""Answers as CSV files."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpResponse


def as_csv(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> HttpResponse:
    """A file of this name, without its ending: a line of column names, then the rows."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    # A symbol may hold ':' or '^', which not every file system takes.
    name = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    writer = csv.DictWriter(response, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return response
