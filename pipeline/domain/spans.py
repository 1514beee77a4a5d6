"""What traces are made of, where everybody finds it without being told: a trace's id is in the fetch's record, in the event and
in each tick; the id of its first span follows from it.

So a trace goes on through whatever carries these (a task, MongoDB, SNS and SQS, the table, Kafka, Redis, a WebSocket), also
where a header would be lost.
"""

from hashlib import blake2b


def root_span_id(trace_id: str) -> str:
    """16 hex digits: the first span of the trace, whose children all others are."""
    return blake2b(bytes.fromhex(trace_id), digest_size=8, person=b"root").hexdigest()


def traceparent(trace_id: str) -> str:
    """The header of W3C's trace context, of a trace that is sampled."""
    return f"00-{trace_id}-{root_span_id(trace_id)}-01"


def share(trace_id: str) -> float:
    """0 to 1, the same wherever it is asked, and even over all traces: the ids of ticks count up, so they are no dice."""
    return int.from_bytes(blake2b(bytes.fromhex(trace_id), digest_size=8, person=b"share").digest()) / 2**64
