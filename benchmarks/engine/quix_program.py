"""Run by quix-streams' own interpreter: SERVERS SOURCE TARGET COUNT; prints its records a second, from the first to the last.

As generous as it gets: bytes pass as they are, nothing is decoded, and the guarantee is its default, at least once.
"""

import sys
import time

from quixstreams import Application

servers, source, target, count = sys.argv[1:]
times: list[float] = []


def passed(value: bytes) -> bytes:
    times.append(time.monotonic())
    return value


app = Application(
    broker_address=servers,
    consumer_group=f"benchmark-{time.time_ns()}",
    auto_offset_reset="earliest",
    auto_create_topics=False,
    loglevel="ERROR",
)
taken = app.topic(source, value_deserializer="bytes", key_deserializer="bytes")
given = app.topic(target, value_serializer="bytes", key_serializer="bytes")
app.dataframe(taken).apply(passed).to_topic(given)
app.run(count=int(count), timeout=120)
print(len(times) / (times[-1] - times[0]))
