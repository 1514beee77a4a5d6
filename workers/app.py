"""The Celery app of the role workers. They run without Django."""

import sys

from celery import Celery

# A loop that computes would else keep the threads that speak to Redis and MongoDB waiting 5 ms after each of their answers, and
# they get some ten for each batch.
sys.setswitchinterval(0.0005)

app = Celery("tickerline")
app.config_from_object("celeryconfig")
