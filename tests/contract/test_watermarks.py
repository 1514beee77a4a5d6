"""Watermarks only rise, and what is not known is left out."""

import pytest

from pipeline.adapters.memory.watermarks import MemoryWatermarks
from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.watermarks import RedisWatermarks
from pipeline.domain.batches import Position
from pipeline.ports.watermarks import Watermarks


@pytest.fixture(params=["memory", "redis"])
def watermarks(request: pytest.FixtureRequest) -> Watermarks:
    if request.param == "memory":
        return MemoryWatermarks()
    return RedisWatermarks(connect(request.getfixturevalue("redis_url")), request.node.name)


def test_what_was_confirmed_is_read_back_and_the_unknown_is_left_out(watermarks: Watermarks) -> None:
    watermarks.confirm({1: Position(1_795_363_522_725, 17), 2: None})
    watermarks.confirm({})
    assert watermarks.confirmed([1, 2, 3]) == {1: Position(1_795_363_522_725, 17), 2: None}
    assert watermarks.confirmed([]) == {}


def test_a_watermark_never_falls(watermarks: Watermarks) -> None:
    watermarks.confirm({0: Position(5, 9)})
    for lower in (Position(5, 8), Position(4, 100), None):
        watermarks.confirm({0: lower})
    assert watermarks.confirmed([0]) == {0: Position(5, 9)}
    watermarks.confirm({0: Position(5, 10)})
    watermarks.confirm({0: Position(12, 0)})
    assert watermarks.confirmed([0]) == {0: Position(12, 0)}
