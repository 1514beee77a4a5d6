"""Following work until it ends: a bar that moves on a terminal, a line now and then elsewhere.

Exit codes of commands that ask for work: 0 all succeeded, 1 some failed, 2 wrong usage, 3 nothing is running.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from pipeline.settings import data_dir
from webui.console.place import Place
from webui.console.report import System

SUCCEEDED, SOME_FAILED, WRONG_USAGE, NOTHING_RUNS = 0, 1, 2, 3
POLL_S = 0.5
_LINE_S = 10.0
_WIDTH = 30


def runs() -> bool:
    """Whether `up` started a system here."""
    return System.read(Place(data_dir())) is not None


@dataclass(frozen=True)
class Standing:
    """How far the work is; `ended` of `total`."""

    ended: int
    total: int
    words: str = ""

    @property
    def over(self) -> bool:
        return self.ended >= self.total


class ProgressBar:
    """Shows standings as they come. `out` decides the form: one line that is rewritten, or a line every 10 s."""

    def __init__(self, out: TextIO | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._out = out or sys.stdout
        self._monotonic = monotonic
        self._terminal = self._out.isatty()
        self._shown: Standing | None = None
        self._line_at = -_LINE_S

    def show(self, standing: Standing) -> None:
        if standing == self._shown:
            return
        if self._terminal:
            filled = _WIDTH * standing.ended // max(1, standing.total)
            bar = f"[{'#' * filled}{'.' * (_WIDTH - filled)}]"
            self._write(f"\r\x1b[K{bar} {_text(standing)}"[:200] + ("\n" if standing.over else ""))
        elif standing.over or self._monotonic() >= self._line_at + _LINE_S:
            self._line_at = self._monotonic()
            self._write(_text(standing) + "\n")
        else:
            return
        self._shown = standing

    def leave(self) -> None:
        """End the line that stands."""
        if self._terminal and self._shown and not self._shown.over:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def follow(look: Callable[[], Standing], sleep: Callable[[float], None] = time.sleep) -> None:
    """Show what `look` says until the work is over. Raises what it raises, and KeyboardInterrupt: the work goes on then."""
    shown = ProgressBar()
    try:
        while True:
            standing = look()
            shown.show(standing)
            if standing.over:
                return
            sleep(POLL_S)
    finally:
        shown.leave()


def _text(standing: Standing) -> str:
    return f"{standing.ended} of {standing.total}{'  ' if standing.words else ''}{standing.words}"
