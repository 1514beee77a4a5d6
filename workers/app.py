"""The Celery app of the role workers. They run without Django."""

from celery import Celery

app = Celery("tickerline")
app.config_from_object("celeryconfig")
