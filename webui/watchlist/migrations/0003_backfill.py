"""The schedule that moves back-fill jobs on. Made once, by this migration; from then on the admin has the say."""

from datetime import UTC, datetime

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # so that beat's first round runs it at once
EVERY_S = 5


def create_schedule(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    interval, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=EVERY_S, period="seconds"
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="Move back-fills on",
        defaults={
            "task": "ingest.backfill",
            "queue": "ingest",
            "interval": interval,
            "expire_seconds": EVERY_S - 1,
            "description": "Asks for the next missing bars of each back-fill job.",
            "last_run_at": LONG_AGO,
        },
    )


class Migration(migrations.Migration):
    dependencies = (("watchlist", "0002_defaults"),)
    operations = (migrations.RunPython(create_schedule, migrations.RunPython.noop),)
