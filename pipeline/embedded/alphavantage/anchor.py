"""The anchor: the session that the newest recorded row lies on. Set at the first start, it never moves again."""

import json
import os
from datetime import date
from pathlib import Path

from pipeline.domain.calendar import is_session
from pipeline.domain.errors import TickerlineError


def read_or_set_anchor(directory: Path, today: date) -> date:
    """The anchor stored in `directory`, made `today` (a session's date) when there is none.

    Raises TickerlineError when the file holds no session's date: a new anchor would quietly move all history.
    """
    path = directory / "anchor.json"
    try:
        anchor = date.fromisoformat(json.loads(path.read_text())["anchor"])
    except FileNotFoundError:
        _write(path, today)
        return today
    except (KeyError, TypeError, ValueError):
        anchor = None
    if anchor is None or not is_session(anchor):
        raise TickerlineError(f"{path}: expected a JSON object with the date of a session as 'anchor'")
    return anchor


def _write(path: Path, anchor: date) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        json.dump({"anchor": anchor.isoformat()}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
