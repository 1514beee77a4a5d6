"""The live channel from the pipeline to the web processes: frames, the newest snapshot, and heartbeats."""

from typing import Any, Protocol

from pipeline.domain.health import Heartbeat


class LiveChannel(Protocol):
    """Values are JSON objects; their forms are in `pipeline/domain/frames.py`. May lose anything at any time."""

    def publish(self, frame: dict[str, Any]) -> None:
        """To every web process that listens now; nobody is waited for. The rows of `events` frames are kept, the newest 50."""

    def recent_activity(self) -> list[dict[str, Any]]:
        """The newest 50 rows of `events` frames, newest first."""

    def save_snapshot(self, snapshot: dict[str, Any]) -> None: ...

    def snapshot(self) -> dict[str, Any] | None: ...

    def beat(self, heartbeat: Heartbeat) -> None:
        """Note that a process is alive; forgotten after 10 s."""

    def heartbeats(self) -> list[Heartbeat]:
        """Of every process that was alive within 10 s, as `Heartbeat.heard` takes it."""
