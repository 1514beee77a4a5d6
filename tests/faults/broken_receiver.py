"""A receiver that commits its checkpoint before its ticks, and is slow between the two, for `celery -A`."""

import time
from functools import partial

import workers.receiver
from pipeline.adapters.kafka import tick_log
from tests.faults.broken import BEFORE, SLOW_S, ApartProducer

app = workers.receiver.app  # type: ignore[attr-defined]
tick_log.Producer = partial(ApartProducer, order=BEFORE, committed=partial(time.sleep, SLOW_S))  # type: ignore[attr-defined,assignment]
