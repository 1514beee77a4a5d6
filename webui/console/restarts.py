"""A plug-in of supervisord (in its words, an RPC interface): counts starts, and lets no program stay given up.

supervisord's back-off grows by a second with each try, without end; here it gives up after RETRIES and is told to
try again at its next five-second beat, so that the longest pause is about ten seconds.
"""

from collections import Counter
from typing import Any

from supervisor import events
from supervisor.states import ProcessStates, SupervisorStates

RETRIES = 10
NAMESPACE = "tickerline"


class Restarts:
    """Public methods are XML-RPC methods of supervisord, in the namespace `tickerline`."""

    def __init__(self, supervisord: Any) -> None:
        self._supervisord = supervisord
        self._starts: Counter[str] = Counter()
        events.subscribe(events.ProcessStateStartingEvent, self._count)
        events.subscribe(events.Tick5Event, self._revive)

    def starts(self) -> dict[str, int]:
        """How often each program was started since supervisord was."""
        return dict(self._starts)

    def _count(self, event: Any) -> None:
        self._starts[event.process.config.name] += 1

    def _revive(self, _: Any) -> None:
        if self._supervisord.get_state() != SupervisorStates.RUNNING:
            return
        for group in self._supervisord.process_groups.values():
            for process in group.processes.values():
                if process.get_state() == ProcessStates.FATAL:
                    process.spawn()


def make(supervisord: Any, **_: Any) -> Restarts:
    """What supervisord calls, by the name in its configuration."""
    return Restarts(supervisord)
