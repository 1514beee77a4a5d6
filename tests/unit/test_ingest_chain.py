"""What follows a fetch: store, publish, and the sweep that sends on what was lost in between."""

import pytest

from pipeline.domain.errors import MarketDataKind, Unavailable
from pipeline.domain.fetches import FetchState
from tests.support.ingest_world import IngestWorld

DAY = 86_400  # seconds


@pytest.fixture
def world() -> IngestWorld:
    return IngestWorld()


class TestStore:
    def test_the_bars_and_what_changed_are_stored(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        world.run_fetch(fetch_id)
        assert world.store.run(fetch_id)
        series = world.bars.one_series("AAPL", "daily")
        change = world.record(fetch_id).change
        assert series
        assert change
        assert (series.count, change.count, change.inserted, change.first, change.last) == (
            3, 3, 3, series.first, series.last,
        )  # fmt: skip

    def test_a_store_that_runs_twice_counts_once(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        world.run_fetch(fetch_id)
        assert world.store.run(fetch_id)
        first = world.record(fetch_id)
        assert world.store.run(fetch_id)
        assert world.record(fetch_id) == first
        assert world.figures("store")["total"] == 3

    def test_nothing_is_stored_before_there_is_a_reply(self, world: IngestWorld) -> None:
        assert not world.store.run(world.ask("AAPL"))
        assert not world.store.run("nobody's")

    def test_a_reply_that_cannot_be_read_fails_the_fetch(self, world: IngestWorld) -> None:
        world.market_data.unreadable.add("AAPL")
        fetch_id = world.ask("AAPL")
        world.run_fetch(fetch_id)
        for _ in range(2):
            assert not world.store.run(fetch_id)
        assert (world.record(fetch_id).state, world.record(fetch_id).kind) == (FetchState.FAILED, "malformed")
        assert world.figures("store") == {"failed": 1}
        assert not world.publish.run(fetch_id)
        assert world.events() == []


class TestPublish:
    def test_the_event_says_what_changed(self, world: IngestWorld) -> None:
        [fetch_id] = world.bring("AAPL")
        record, [event] = world.record(fetch_id), world.events()
        series = world.bars.one_series("AAPL", "daily")
        assert series
        assert (event.symbol, event.interval, event.count, event.first, event.last) == (
            "AAPL", "daily", 3, series.first, series.last,
        )  # fmt: skip
        assert (event.fetch_id, event.trace_id, event.source) == (fetch_id, record.trace_id, "simulator")
        assert (record.state, record.message_id) == (FetchState.SUCCEEDED, "message-1")

    def test_bars_that_were_there_already_are_announced_as_no_change(self, world: IngestWorld) -> None:
        world.bring("AAPL")
        world.bring("AAPL")
        assert [(event.count, event.first) for event in world.events()][1:] == [(0, None)]

    def test_nothing_is_announced_before_it_is_stored(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        world.run_fetch(fetch_id)
        assert not world.publish.run(fetch_id)
        assert not world.publish.run("nobody's")
        assert world.events() == []

    def test_a_publish_that_runs_twice_sends_once(self, world: IngestWorld) -> None:
        [fetch_id] = world.bring("AAPL")
        before = world.record(fetch_id)
        assert world.publish.run(fetch_id)
        assert world.record(fetch_id) == before
        assert len(world.events()) == 1

    def test_an_event_of_unknown_fate_goes_out_again_and_the_record_is_marked_once(self, world: IngestWorld) -> None:
        world.bus.answer_lost = True
        fetch_id = world.ask("AAPL")
        with pytest.raises(Unavailable):
            world.run_chain(fetch_id)
        assert world.record(fetch_id).state == FetchState.RUNNING
        world.bus.answer_lost = False
        assert world.publish.run(fetch_id)
        assert [event.fetch_id for event in world.events()] == [fetch_id, fetch_id]
        assert world.record(fetch_id).message_id == "message-2"


class TestSweep:
    def test_a_fetch_whose_task_was_lost_is_sent_after_30_seconds(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        world.clock.sleep(30)
        assert world.sweep_round() == []
        world.clock.sleep(1)
        assert world.sweep_round() == [fetch_id]
        assert world.record(fetch_id).state == FetchState.SUCCEEDED
        world.clock.sleep(3600)
        assert world.sweep_round() == []

    @pytest.mark.parametrize("came_to", ["fetch", "store"])
    def test_a_chain_that_was_lost_in_between_goes_on_without_another_request(
        self, world: IngestWorld, came_to: str
    ) -> None:
        fetch_id = world.ask("AAPL")
        world.run_fetch(fetch_id)
        if came_to == "store":
            world.store.run(fetch_id)
        world.clock.sleep(31)
        assert world.sweep_round() == [fetch_id]
        assert world.record(fetch_id).state == FetchState.SUCCEEDED
        assert (len(world.market_data.asked), len(world.events())) == (1, 1)

    def test_a_publish_that_failed_is_left_for_the_sweep(self, world: IngestWorld) -> None:
        world.bus.away = True
        fetch_id = world.ask("AAPL")
        with pytest.raises(Unavailable):
            world.run_chain(fetch_id)
        world.bus.away = False
        world.clock.sleep(31)
        assert world.sweep_round() == [fetch_id]
        assert world.record(fetch_id).state == FetchState.SUCCEEDED
        assert len(world.events()) == 1

    def test_the_record_keeps_the_message_ids_of_both_events(self, world: IngestWorld) -> None:
        [first] = world.bring("AAPL")
        assert world.record(first).revised_message_id is None
        world.market_data.close = 1300
        [second] = world.bring("AAPL")
        record = world.record(second)
        assert (record.revised_message_id, record.message_id) == ("message-2", "message-3")

    def test_a_waiting_fetch_is_swept_up_after_its_time(self, world: IngestWorld) -> None:
        world.market_data.fail("AAPL", MarketDataKind.MINUTE)
        fetch_id = world.ask("AAPL")
        world.run_fetch(fetch_id)
        world.clock.sleep(60)
        assert world.sweep_round() == []
        world.clock.sleep(31)
        assert world.sweep_round() == [fetch_id]
        assert world.record(fetch_id).state == FetchState.SUCCEEDED

    def test_failed_fetches_are_left_alone(self, world: IngestWorld) -> None:
        world.market_data.fail("NOPE", MarketDataKind.UNKNOWN_SYMBOL)
        world.run_fetch(world.ask("NOPE"))
        world.clock.sleep(DAY)
        assert world.sweep_round() == []

    def test_each_swept_record_is_counted(self, world: IngestWorld) -> None:
        world.requests.request(["AAPL", "IBM"], "api")
        world.clock.sleep(31)
        swept: list[str] = []
        assert world.sweep.run(lambda record, seconds: swept.append(record.id)) == len(swept) == 2
