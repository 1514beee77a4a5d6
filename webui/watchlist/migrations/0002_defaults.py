"""A first start's watchlist and schedules. Made once, by this migration; from then on the admin has the say.

`last_run_at` lies long ago so that beat's first round runs at once: without it a schedule waits for its interval first.
"""

from datetime import UTC, datetime

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from pipeline.settings import load

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# name, task, queue, seconds, description. A message expires just before its schedule's next one.
SCHEDULES = (
    ("Plan fetches", "ingest.plan", "ingest", 20, "Asks for each watched symbol that a session has closed for."),
    ("Sweep fetches", "ingest.sweep", "ingest", 30, "Sends again what was lost between two steps of a fetch."),
    ("Beat is alive", "monitor.beat_seen", "monitor", 5, "Lets the monitor see that beat runs."),
)


def create_defaults(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    watched_symbol = apps.get_model("watchlist", "WatchedSymbol")
    for symbol in load().watchlist:
        watched_symbol.objects.get_or_create(symbol=symbol)
    interval_schedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    periodic_task = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, task, queue, seconds, description in SCHEDULES:
        interval, _ = interval_schedule.objects.get_or_create(every=seconds, period="seconds")
        periodic_task.objects.get_or_create(
            name=name,
            defaults={
                "task": task,
                "queue": queue,
                "interval": interval,
                "expire_seconds": seconds - 1,
                "description": description,
                "last_run_at": LONG_AGO,
            },
        )


class Migration(migrations.Migration):
    dependencies = (
        ("watchlist", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    )
    operations = (migrations.RunPython(create_defaults, migrations.RunPython.noop),)
