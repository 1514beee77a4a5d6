"""What is asked for and when, and how a reply comes to be saved: on the memory twins, with scripted market data."""

from datetime import timedelta

import pytest

from pipeline.domain.errors import InvalidValue, MarketDataKind
from pipeline.domain.fetches import INTERNAL, FetchState
from pipeline.stages.fetch import MAX_ATTEMPTS
from tests.support.ingest_world import IngestWorld

HOUR, DAY = 3600, 86_400


@pytest.fixture
def world() -> IngestWorld:
    return IngestWorld()


class TestRequests:
    def test_each_symbol_gets_one_record_in_the_order_asked(self, world: IngestWorld) -> None:
        records = world.requests.request(["MSFT", "aapl", "MSFT "], "api")
        assert [(r.symbol, r.state, r.requested_by) for r in records] == [
            ("MSFT", FetchState.QUEUED, "api"),
            ("AAPL", FetchState.QUEUED, "api"),
        ]
        assert [world.fetches.get(r.id) for r in records] == records
        assert len({r.id for r in records} | {r.trace_id for r in records}) == 4

    def test_a_symbol_whose_fetch_is_under_way_gets_that_fetch(self, world: IngestWorld) -> None:
        first = world.ask("AAPL")
        world.fetch.run(first)
        records = world.requests.request(["IBM", "AAPL"], "api")
        assert records[1].id == first
        assert len(world.fetches.recent()) == 2

    def test_a_symbol_whose_fetch_has_ended_gets_a_new_one(self, world: IngestWorld) -> None:
        [first] = world.bring("AAPL")
        assert world.ask("AAPL") != first

    def test_one_malformed_symbol_refuses_all_and_is_named(self, world: IngestWorld) -> None:
        with pytest.raises(InvalidValue, match=r"symbols\[1\]: expected 1 to 20 characters"):
            world.requests.request(["AAPL", "A&B", "IBM"], "api")
        assert world.fetches.recent() == []


class TestDue:
    def test_a_watched_symbol_without_bars_is_due(self, world: IngestWorld) -> None:
        world.watch("MSFT", "AAPL")
        assert world.requests.due() == ["AAPL", "MSFT"]

    def test_a_restart_asks_nothing(self, world: IngestWorld) -> None:
        world.watch("AAPL", "MSFT")
        world.bring("AAPL", "MSFT")
        assert world.requests.due() == []
        world.clock.sleep(2 * DAY)  # Sunday
        assert world.requests.due() == []

    def test_a_symbol_is_due_again_when_the_next_session_has_closed(self, world: IngestWorld) -> None:
        world.watch("AAPL")
        world.bring("AAPL")
        world.clock.sleep(3 * DAY - HOUR - 60)  # Monday, a minute before the close
        assert world.requests.due() == []
        world.clock.sleep(60)
        assert world.requests.due() == ["AAPL"]

    def test_a_symbol_whose_fetch_is_under_way_is_not_due(self, world: IngestWorld) -> None:
        world.watch("AAPL")
        fetch_id = world.ask("AAPL")
        assert world.requests.due() == []
        world.fetch.run(fetch_id)
        assert world.requests.due() == []

    def test_a_bar_that_is_not_there_yet_after_the_close_is_asked_for_again_two_hours_later(
        self, world: IngestWorld
    ) -> None:
        world.watch("AAPL")
        world.market_data.behind = 1
        world.bring("AAPL")
        assert world.requests.due() == []
        world.clock.sleep(2 * HOUR + 1)
        assert world.requests.due() == ["AAPL"]

    def test_an_unknown_symbol_is_remembered_for_30_days(self, world: IngestWorld) -> None:
        world.watch("NOPE")
        world.market_data.fail("NOPE", MarketDataKind.UNKNOWN_SYMBOL)
        world.fetch.run(world.ask("NOPE"))
        world.clock.sleep(30 * DAY)
        assert world.requests.due() == []
        world.clock.sleep(1)
        assert world.requests.due() == ["NOPE"]

    def test_a_symbol_that_failed_for_another_reason_is_left_alone_for_six_hours(self, world: IngestWorld) -> None:
        world.watch("AAPL")
        world.market_data.fail("AAPL", MarketDataKind.DAILY)
        world.fetch.run(world.ask("AAPL"))
        world.clock.sleep(6 * HOUR)
        assert world.requests.due() == []
        world.clock.sleep(1)
        assert world.requests.due() == ["AAPL"]


class TestFetch:
    def test_the_reply_is_saved_before_the_hand_over(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        assert world.fetch.run(fetch_id)
        record = world.record(fetch_id)
        assert record.reply
        assert (record.state, record.attempts, record.change) == (FetchState.RUNNING, 1, None)

    def test_a_fetch_that_runs_twice_asks_once(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        assert world.fetch.run(fetch_id)
        assert world.fetch.run(fetch_id)
        assert world.market_data.asked == ["AAPL"]

    def test_an_ended_or_unheard_of_fetch_hands_nothing_over(self, world: IngestWorld) -> None:
        [fetch_id] = world.bring("AAPL")
        assert not world.fetch.run(fetch_id)
        assert not world.fetch.run("nobody's")
        assert world.market_data.asked == ["AAPL"]

    def test_a_fetch_that_another_worker_has_is_left_to_it_until_its_lease_runs_out(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        now = world.clock.now()
        assert world.fetches.take(fetch_id, now, now + timedelta(seconds=60))  # by a worker that is killed
        world.clock.sleep(59)
        assert not world.fetch.run(fetch_id)
        world.clock.sleep(1)
        assert world.fetch.run(fetch_id)
        assert (world.market_data.asked, world.record(fetch_id).attempts) == (["AAPL"], 2)

    def test_a_burst_waits_and_says_why_and_until_when(self, world: IngestWorld) -> None:
        world.market_data.fail("AAPL", MarketDataKind.BURST)
        fetch_id = world.ask("AAPL")
        assert not world.fetch.run(fetch_id)
        record = world.record(fetch_id)
        assert (record.state, record.kind, record.reason) == (FetchState.WAITING, "burst", "AAPL: burst")
        assert record.retry_at == world.clock.now() + timedelta(seconds=1.5)

    def test_a_waiting_fetch_is_not_asked_before_its_time_however_often_it_is_sent(self, world: IngestWorld) -> None:
        world.market_data.fail("AAPL", MarketDataKind.MINUTE)
        fetch_id = world.ask("AAPL")
        world.fetch.run(fetch_id)
        world.clock.sleep(59)
        assert not world.fetch.run(fetch_id)
        assert (world.market_data.asked, world.record(fetch_id).attempts) == (["AAPL"], 1)
        world.clock.sleep(1)
        assert world.run_chain(fetch_id)
        assert world.record(fetch_id).state == FetchState.SUCCEEDED

    def test_bursts_wait_longer_and_longer_and_the_fifth_fails(self, world: IngestWorld) -> None:
        world.market_data.fail("AAPL", *[MarketDataKind.BURST] * MAX_ATTEMPTS)
        fetch_id = world.ask("AAPL")
        pauses = []
        while not world.fetch.run(fetch_id) and (retry_at := world.record(fetch_id).retry_at):
            pauses.append((retry_at - world.clock.now()).total_seconds())
            world.clock.sleep(pauses[-1])
        assert pauses == [1.5, 3, 6, 12]
        record = world.record(fetch_id)
        assert (record.state, record.kind, record.attempts) == (FetchState.FAILED, "burst", 5)
        assert world.figures("fetch") == {"retries": 4, "failed": 1}

    @pytest.mark.parametrize("kind", [MarketDataKind.UNKNOWN_SYMBOL, MarketDataKind.DAILY, MarketDataKind.BAD_KEY])
    def test_what_asking_again_cannot_help_fails_at_once(self, world: IngestWorld, kind: MarketDataKind) -> None:
        world.market_data.fail("NOPE", kind)
        fetch_id = world.ask("NOPE")
        assert not world.fetch.run(fetch_id)
        record = world.record(fetch_id)
        assert (record.state, record.kind, record.finished_at) == (FetchState.FAILED, kind, world.clock.now())

    def test_a_symbol_known_as_unknown_costs_no_request_for_30_days(self, world: IngestWorld) -> None:
        world.market_data.fail("NOPE", MarketDataKind.UNKNOWN_SYMBOL)
        world.fetch.run(world.ask("NOPE"))
        for _ in range(3):
            world.clock.sleep(9 * DAY)
            refused = world.ask("NOPE")
            assert not world.fetch.run(refused)
            record = world.record(refused)
            assert (record.state, record.kind) == (FetchState.FAILED, "unknown_symbol")
            assert "did not know NOPE on 2026-11-20" in (record.reason or "")
        assert world.market_data.asked == ["NOPE"]
        world.clock.sleep(3 * DAY)
        assert world.run_chain(world.ask("NOPE")), "a refusal does not prolong the memory"

    def test_an_error_of_ours_ends_the_fetch_as_internal(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        world.fetch.give_up(fetch_id)
        assert (world.record(fetch_id).state, world.record(fetch_id).kind) == (FetchState.FAILED, INTERNAL)

    def test_an_ended_fetch_cannot_be_given_up(self, world: IngestWorld) -> None:
        [fetch_id] = world.bring("AAPL")
        world.fetch.give_up(fetch_id)
        assert world.record(fetch_id).state == FetchState.SUCCEEDED
        assert "failed" not in world.figures("fetch")
