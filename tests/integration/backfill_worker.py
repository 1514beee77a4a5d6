"""The ingest role for the test `test_backfill_killed`: Tickerline's own, with less patience.

    celery -A tests.integration.backfill_worker worker -Q ingest -P threads
    celery -A tests.integration.backfill_worker beat -S celery.beat:Scheduler

A fetch's lease and the sweep's wait last seconds instead of a minute and half a one, so that what a killed worker had is taken up
within the test. Nothing else differs.
"""

from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from pipeline import bootstrap
from pipeline.settings import Settings
from pipeline.stages import fetch
from workers import ingest
from workers.app import app

_LEASE = timedelta(seconds=6)  # longer than a permit and the reply are waited for
_PATIENCE_S = 3.0
_BEAT_S = 1.0


def _impatient(usual: bootstrap.Ingest, settings: Settings) -> bootstrap.Ingest:
    sweep = fetch.Sweep(bootstrap.fetch_store(settings), bootstrap.clock(), _PATIENCE_S)
    return replace(usual, sweep=sweep)


_usual = bootstrap.ingest
bootstrap.ingest = lru_cache(maxsize=1)(lambda settings: _impatient(_usual(settings), settings))
fetch._LEASE = _LEASE
app.conf.beat_schedule = {
    name: {"task": name, "schedule": _BEAT_S, "options": {"queue": "ingest", "expires": 2 * _BEAT_S}}
    for name in (ingest.backfill.name, ingest.sweep.name)
}
