"""Back-fill jobs in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.adapters.memory.database import MemoryDatabase
from pipeline.domain.backfill import Backfill, Part
from pipeline.domain.errors import InvalidValue


class MemoryBackfillStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._jobs, self._parts, self._lock = database.backfills, database.backfill_parts, database.lock

    def add(self, job: Backfill, parts: Sequence[Part]) -> None:
        with self._lock:
            if job.id in self._jobs:
                raise InvalidValue("id", "expected an id that no job has")
            self._jobs[job.id] = job
            self._parts.update({(part.job_id, part.number): part for part in parts})

    def job(self, job_id: str) -> Backfill | None:
        return self._jobs.get(job_id)

    def unfinished(self) -> list[Backfill]:
        with self._lock:
            return sorted((j for j in self._jobs.values() if j.finished_at is None), key=lambda job: job.created_at)

    def recent(self, limit: int, after: tuple[datetime, str] | None = None) -> list[Backfill]:
        with self._lock:
            found = [job for job in self._jobs.values() if after is None or (job.created_at, job.id) < after]
        return sorted(found, key=lambda job: (job.created_at, job.id), reverse=True)[:limit]

    def parts(self, job_id: str) -> list[Part]:
        with self._lock:
            return sorted((p for p in self._parts.values() if p.job_id == job_id), key=lambda part: part.number)

    def open_parts(self) -> list[Part]:
        with self._lock:
            found = [part for part in self._parts.values() if not part.done]
            created = {job.id: job.created_at for job in self._jobs.values()}
        return sorted(found, key=lambda part: (part.fetch_id is None, created[part.job_id], part.number))

    def change(self, part: Part) -> Part | None:
        key = (part.job_id, part.number)
        with self._lock:
            if self._parts[key].version != part.version:
                return None
            self._parts[key] = replace(part, version=part.version + 1)
            return self._parts[key]

    def finish(self, job_id: str, at: datetime) -> bool:
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.finished_at or not all(part.done for part in self.parts(job_id)):
                return False
            self._jobs[job_id] = replace(job, finished_at=at)
            return True
