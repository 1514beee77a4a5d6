"""Leases: one holder at a time, and a lease that is not kept is free again."""

import time
from collections.abc import Callable

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.lease import MemoryLeases
from pipeline.adapters.redis.connection import connect
from pipeline.adapters.redis.lease import RedisLeases
from pipeline.ports.lease import Leases

Wait = Callable[[float], None]


@pytest.fixture(params=["memory", "redis"])
def leases(request: pytest.FixtureRequest) -> tuple[Leases, Wait]:
    if request.param == "memory":
        clock = MemoryClock()
        return MemoryLeases(clock), clock.sleep
    return RedisLeases(connect(request.getfixturevalue("redis_url")), request.node.name), time.sleep


def test_a_free_lease_is_taken_and_a_held_one_is_not(leases: tuple[Leases, Wait]) -> None:
    store, _ = leases
    assert store.keep(["a", "b"], "one", 5000).held == {"a", "b"}
    assert store.keep(["a", "b", "c"], "two", 5000).held == {"c"}
    assert store.holders(["a", "c", "d"]) == {"a": "one", "c": "two"}


def test_a_lease_that_is_not_kept_is_free_after_its_time(leases: tuple[Leases, Wait]) -> None:
    store, wait = leases
    store.keep(["a", "b"], "one", 300)
    wait(0.2)
    store.keep(["b"], "one", 300)
    wait(0.2)
    assert store.keep(["a", "b"], "two", 300).held == {"a"}


def test_what_was_free_is_told_from_what_was_held_on(leases: tuple[Leases, Wait]) -> None:
    """Somebody else may have had it meanwhile, however short that was."""
    store, _ = leases
    assert store.keep(["a", "b"], "one", 5000).gained == {"a", "b"}
    assert store.keep(["a", "b"], "one", 5000) == ({"a", "b"}, set())
    store.release(["a"], "one")
    store.keep(["a"], "two", 5000)
    store.release(["a"], "two")
    assert store.keep(["a", "b"], "one", 5000) == ({"a", "b"}, {"a"})


def test_only_the_holder_can_release(leases: tuple[Leases, Wait]) -> None:
    store, _ = leases
    store.keep(["a"], "one", 5000)
    store.release(["a"], "two")
    assert store.holders(["a"]) == {"a": "one"}
    store.release(["a"], "one")
    assert store.holders(["a"]) == {}


def test_nothing_asked_is_nothing_held(leases: tuple[Leases, Wait]) -> None:
    store, _ = leases
    assert store.keep([], "one", 100) == (set(), set())
    assert store.holders([]) == {}


def test_who_is_present_is_counted_until_its_time_is_over_or_it_leaves(leases: tuple[Leases, Wait]) -> None:
    store, wait = leases
    assert store.present("tick", "one", 5000) == 1
    assert store.present("tick", "two", 300) == 2
    assert store.present("tick", "two", 300) == 2
    assert store.present("forward", "two", 5000) == 1
    wait(0.4)
    assert store.present("tick", "one", 5000) == 1
    store.present("tick", "three", 5000)
    store.leave("tick", "three")
    assert store.present("tick", "one", 5000) == 1
