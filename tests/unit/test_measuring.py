"""What is asked for once a second: one thing that is away keeps no other from being measured."""

import pytest

from pipeline.domain.errors import Unavailable
from pipeline.stages.meter import Meter
from workers.steps import measuring
from workers.steps.measuring import Measuring, queued


def test_what_is_away_keeps_no_other_from_being_measured() -> None:
    meter = Meter("forward")

    def away() -> None:
        raise Unavailable("Redis: ConnectionError")

    assert Measuring((away, lambda: meter.gauge("shards", 3)))() == 1.0
    assert meter.report().figures == {"shards": 3}


def test_the_length_of_a_queue_is_not_known_while_the_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    meter, broker_away = Meter("buffer"), False

    def depth(queue: str) -> int:
        if broker_away:
            raise Unavailable("broker: ConnectionError")
        return {"receiver": 7}[queue]

    monkeypatch.setattr(measuring, "queue_depth", depth)
    step = Measuring((queued(meter, "receiver"),))
    step()
    assert meter.report().figures == {"queued": 7}
    broker_away = True
    step()
    assert meter.report().figures == {}
