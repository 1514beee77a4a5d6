"""The Celery app of the web side: the same celeryconfig with Django at hand, for beat, for Flower and for sending by name.

It registers no tasks: the web asks for work by task name, over the broker.
"""

import logging
import os
from typing import Any

from celery import Celery, signals

from webui.logs import formatter

# Celery sets Django up before beat reads its schedules when it finds this variable.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")

app = Celery("tickerline")
app.config_from_object("celeryconfig")
app.conf.beat_scheduler = "django_celery_beat.schedulers:DatabaseScheduler"  # the schedules of the admin
app.conf.result_expires = None  # there are no results; else beat would make a schedule that clears them up, each time


def _structured(logger: logging.Logger, **_: Any) -> None:
    if structured := formatter():
        for handler in logger.handlers:
            handler.setFormatter(structured)


signals.after_setup_logger.connect(_structured)
signals.after_setup_task_logger.connect(_structured)
