"""The Celery app of the role workers. They run without Django."""

import logging
import sys
import time
from contextvars import ContextVar
from typing import Any

from celery import Celery, signals, states

from pipeline import bootstrap, settings
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


_started: ContextVar[float] = ContextVar("started")


@signals.task_prerun.connect
def _begin(**_: Any) -> None:
    """Threads of the pool go from task to task."""
    logs.trace(None)
    _started.set(time.time())


@signals.task_postrun.connect
def _end(task: Any, state: str | None = None, **_: Any) -> None:
    """A task that worked on a trace is told as a span of it."""
    trace_id = logs.traced()
    logs.trace(None)
    spans = bootstrap.spans(bootstrap.load_settings())
    if trace_id and spans.on:
        failed = "" if state == states.SUCCESS else str(state)
        spans.add(task.name, trace_id, _started.get(), time.time(), "consumer", {"task": task.request.id}, failed)
