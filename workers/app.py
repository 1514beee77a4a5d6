"""The Celery app of the role workers. They run without Django."""

import logging
import sys
from typing import Any

from celery import Celery, signals

from pipeline import settings
from pipeline.domain import logs
from pipeline.settings import log_format, read_values

# A loop that computes would else keep the threads that speak to Redis and MongoDB waiting 5 ms after each of their answers, and
# they get some ten for each batch.
sys.setswitchinterval(0.0005)

app = Celery("tickerline")
app.config_from_object("celeryconfig")


@signals.after_setup_logger.connect
@signals.after_setup_task_logger.connect
def _structured(logger: logging.Logger, **_: Any) -> None:
    values = read_values()
    if log_format(values) == "json":
        role = next((step.role for step in app.steps["worker"] if hasattr(step, "role")), "worker")
        formatter = logs.JsonFormatter(role, settings.instance(values), settings.secrets(values))
        for handler in logger.handlers:
            handler.setFormatter(formatter)


@signals.celeryd_init.connect
def _without_banner(instance: Any, **_: Any) -> None:
    instance.quiet = instance.quiet or log_format(read_values()) == "json"


@signals.task_prerun.connect
@signals.task_postrun.connect
def _untraced(**_: Any) -> None:
    """Threads of the pool go from task to task."""
    logs.trace(None)
