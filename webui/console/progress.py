"""What `up` says, and how it is told to stop."""

import os
import signal
import sys
import time
from types import FrameType

SAME_S = 1.0


class Stopped(Exception):
    """Somebody asked `up` to stop (Ctrl-C, SIGTERM, SIGHUP)."""


class Progress:
    """Lines on standard output, each with the seconds since the start. A terminal that went away is no error."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        self._write("\n".join(f"[{time.monotonic() - self._began:6.1f} s] {line}" for line in text.splitlines()))

    def plain(self, text: str) -> None:
        self._write(text)

    def _write(self, text: str) -> None:
        try:
            print(text, flush=True)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Interrupts:
    """The first signal asks to stop, a second one to hurry. Handlers only note it: it takes effect in `pause`."""

    def __init__(self) -> None:
        self.count = 0
        self._first = 0.0

    def install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
                signal.signal(number, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        """One Ctrl-C may arrive twice, from the terminal and from a parent that passes it on: that is still one."""
        if self.count == 0:
            self._first = time.monotonic()
            self.count = 1
        elif time.monotonic() - self._first > SAME_S:
            self.count = 2

    @property
    def hurry(self) -> bool:
        return self.count > 1

    def pause(self, seconds: float) -> None:
        """Wait; raises Stopped as soon as a stop was asked for."""
        deadline = time.monotonic() + seconds
        while True:
            if self.count:
                raise Stopped
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(0.1, left))
