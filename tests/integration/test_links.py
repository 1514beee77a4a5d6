"""The links between driver and receiver over a real broker."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from celery import Celery

from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Unavailable
from tests.support.servers import free_port, redis_server
from workers.links import CeleryBatchLink, CeleryRepeatLink, queue_depth
from workers.steps.loop import NO_PROGRESS_S

BATCH = Batch(1, Position(5, 6), Position(5, 5), 1, 1.5, 1, (("AAPL", b'{"seq":1}'),))


def app_on(url: str) -> Celery:
    app = Celery("links", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.broker_url = url
    return app


@pytest.fixture
def app() -> Iterator[Celery]:
    with redis_server() as server:
        app = app_on(server.url)
        yield app
        app.close()


def test_an_empty_queue_has_the_depth_zero(app: Celery) -> None:
    assert CeleryBatchLink(app).depth() == 0


def test_a_broker_that_goes_away_under_an_open_connection_is_unavailable() -> None:
    with redis_server() as server:
        app = app_on(server.url)
        assert CeleryBatchLink(app).depth() == 0
    with pytest.raises(Unavailable):
        CeleryBatchLink(app).depth()
    app.close()


def test_batches_wait_in_the_receivers_queue_and_small_ones_share_a_message(app: Celery) -> None:
    link, large = CeleryBatchLink(app), replace(BATCH, n=1500)
    link.send([BATCH, BATCH, BATCH])
    assert link.depth() == 1
    link.send([large, BATCH, large, large])
    assert link.depth() == 4


def test_each_queue_has_its_own_depth(app: Celery) -> None:
    CeleryBatchLink(app).send([BATCH])
    CeleryRepeatLink(app).ask(1, Position(5, 6), Position(5, 9))
    assert [queue_depth(queue, app) for queue in ("ingest", "driver", "receiver")] == [0, 1, 1]


def test_a_broker_that_comes_back_is_used_again_without_a_hand() -> None:
    port = free_port()
    with redis_server(port=port):
        app = app_on(f"redis://127.0.0.1:{port}/0")
        link = CeleryBatchLink(app)
        link.send([BATCH])
    for _ in range(3):
        with pytest.raises(Unavailable):
            link.send([BATCH])
    with redis_server(port=port):
        with suppress(Unavailable):  # the connection that broke
            link.send([BATCH])
        link.send([BATCH])
        assert link.depth() > 0
    app.close()


@pytest.fixture
def swallower() -> Iterator[int]:
    """The port of a server that takes every connection and never answers, as behind a link that drops everything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_broker_that_swallows_everything_is_given_up_before_a_loop_counts_as_stuck(swallower: int) -> None:
    """The driver once ended itself when its link to Redis dropped everything: sending took as long as it may make no progress."""
    assert_given_up_within(NO_PROGRESS_S / 2, swallower)


def test_a_broker_that_is_away_is_unavailable_within_seconds() -> None:
    assert_given_up_within(NO_PROGRESS_S / 2, free_port())


def assert_given_up_within(seconds: float, port: int) -> None:
    app = app_on(f"redis://127.0.0.1:{port}/0")
    batches, repeats = CeleryBatchLink(app), CeleryRepeatLink(app)
    uses: list[Callable[[], object]] = [
        lambda: batches.send([BATCH]),
        batches.depth,
        lambda: repeats.ask(1, Position(5, 6), Position(5, 9)),
    ]
    for use in uses:
        start = time.monotonic()
        with pytest.raises(Unavailable):
            use()
        assert time.monotonic() - start < seconds
    app.close()
