"""Back-fill jobs and their parts: durable, so that a job goes on wherever it was when somebody was killed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pipeline.domain.backfill import Backfill, Part


class BackfillStore(Protocol):
    """Implementations raise Unavailable when the store does not answer."""

    def add(self, job: Backfill, parts: Sequence[Part]) -> None:
        """Insert a new job with its parts, all or none."""

    def job(self, job_id: str) -> Backfill | None: ...

    def unfinished(self) -> list[Backfill]:
        """The oldest first."""

    def recent(self, limit: int, after: tuple[datetime, str] | None = None) -> list[Backfill]:
        """The newest first, finished ones too; only those that come `after` the job of this creation time and id."""

    def parts(self, job_id: str) -> list[Part]:
        """In their order."""

    def open_parts(self) -> list[Part]:
        """The parts of all jobs that are not done: first those that have a fetch, then by job and number."""

    def change(self, part: Part) -> Part | None:
        """Replace the part of `part.version` by `part`; returns it with its new version. None: somebody else changed it."""

    def finish(self, job_id: str, at: datetime) -> bool:
        """Unfinished -> finished; False when a part is open still, or somebody else did it."""
