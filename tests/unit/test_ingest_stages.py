"""What is asked for and when, and how a reply comes to be saved: on the memory twins, with scripted market data."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.errors import InvalidValue, MarketDataKind
from pipeline.domain.fetches import INTERNAL, FetchState
from pipeline.stages.fetch import MAX_ATTEMPTS
from tests.support.ingest_world import IngestWorld

HOUR, DAY = 3600, 86_400
BEAT = 30


@pytest.fixture
def world() -> IngestWorld:
    return IngestWorld()


def until_due(world: IngestWorld, symbol: str, most: float) -> float:
    """Seconds until the symbol is asked for again, to the BEAT; the clock stands there then."""
    start = world.clock.now()
    while world.clock.now() < start + timedelta(seconds=most):
        if symbol in world.due():
            world.clock.sleep(BEAT)  # due a little early, so that it waits for its turn
            return (world.clock.now() - start).total_seconds()
        world.clock.sleep(BEAT)
    raise AssertionError(f"{symbol} is not due within {most} s")


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
        world.run_fetch(first)
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


class TestPlanning:
    """What is asked for without anybody asking. It is started up to BEAT seconds early: there is always work that waits."""

    def test_a_watched_symbol_without_bars_is_due(self, world: IngestWorld) -> None:
        world.watch("MSFT", "AAPL")
        assert world.due() == ["AAPL", "MSFT"]

    def test_a_restart_asks_nothing(self, world: IngestWorld) -> None:
        world.watch("AAPL", "MSFT")
        world.bring("AAPL", "MSFT")
        assert world.due() == []
        world.clock.sleep(2 * DAY)  # Sunday
        assert world.due() == []

    def test_a_symbol_is_due_again_when_the_next_session_has_closed_and_settled(self, world: IngestWorld) -> None:
        world.watch("AAPL")
        world.bring("AAPL")
        monday = datetime(2026, 11, 23, 21, 10, tzinfo=UTC)  # ten minutes after the close
        world.clock.sleep((monday - world.clock.now()).total_seconds() - BEAT - 1)
        assert world.due() == []
        world.clock.sleep(1)
        assert world.due() == ["AAPL"]

    def test_a_symbol_whose_fetch_is_under_way_is_not_due(self, world: IngestWorld) -> None:
        world.watch("AAPL", "IBM")
        queued, waiting = world.ask("AAPL"), world.ask("IBM")
        world.market_data.fail("IBM", MarketDataKind.MINUTE)
        assert world.due() == []
        world.run_fetch(queued)
        world.run_fetch(waiting)
        states = [world.record(fetch_id).state for fetch_id in (queued, waiting)]
        assert (states, world.due()) == ([FetchState.RUNNING, FetchState.WAITING], [])

    def test_a_bar_that_is_not_there_yet_after_the_close_is_asked_for_again_later_and_later(
        self, world: IngestWorld
    ) -> None:
        world.watch("AAPL")
        world.market_data.behind = 1
        pauses = []
        for _ in range(4):
            world.bring("AAPL")
            pauses.append(until_due(world, "AAPL", most=2 * DAY))
        assert pauses == [HOUR, 1 * HOUR + 50 * 60, 3 * HOUR + 40 * 60, 7 * HOUR + 20 * 60]

    def test_an_unknown_symbol_is_remembered_for_30_days(self, world: IngestWorld) -> None:
        world.watch("NOPE")
        world.market_data.fail("NOPE", MarketDataKind.UNKNOWN_SYMBOL)
        world.run_fetch(world.ask("NOPE"))
        world.clock.sleep(30 * DAY - 60)
        assert until_due(world, "NOPE", most=300) == 60
        world.clock.sleep(-BEAT)  # it is started when it is due, not when its turn has come
        world.bring("NOPE")
        assert world.market_data.asked == ["NOPE", "NOPE"]

    def test_a_refusal_of_an_unknown_symbol_asked_for_by_hand_does_not_prolong_the_memory(
        self, world: IngestWorld
    ) -> None:
        world.watch("NOPE")
        world.market_data.fail("NOPE", MarketDataKind.UNKNOWN_SYMBOL)
        world.run_fetch(world.ask("NOPE"))
        world.clock.sleep(29 * DAY)
        world.run_fetch(world.ask("NOPE"))
        assert until_due(world, "NOPE", most=2 * DAY) == DAY

    @pytest.mark.parametrize(
        ("kind", "pause"),
        [
            (MarketDataKind.MALFORMED, 6 * HOUR),
            (MarketDataKind.PREMIUM, 7 * DAY),
            (MarketDataKind.ENTITLEMENT, 7 * DAY),
            (MarketDataKind.BAD_KEY, 7 * DAY),
        ],
    )
    def test_a_symbol_that_failed_for_another_reason_is_left_alone_for_a_while(
        self, world: IngestWorld, kind: MarketDataKind, pause: float
    ) -> None:
        world.watch("AAPL")
        world.market_data.fail("AAPL", kind)
        assert not world.run_fetch(world.ask("AAPL"))
        world.clock.sleep(pause - 60)
        assert until_due(world, "AAPL", most=300) == 60

    def test_a_failure_before_a_fetch_that_went_well_is_forgotten(self, world: IngestWorld) -> None:
        world.watch("AAPL")
        world.market_data.fail("AAPL", MarketDataKind.BAD_KEY)
        world.run_fetch(world.ask("AAPL"))
        world.clock.sleep(60)
        world.bring("AAPL")
        world.clock.sleep(4 * DAY)  # nothing ran meanwhile
        assert world.due() == ["AAPL"]


class TestFetch:
    def test_the_reply_is_saved_before_the_hand_over(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        assert world.run_fetch(fetch_id)
        record = world.record(fetch_id)
        assert record.reply
        assert (record.state, record.attempts, record.change) == (FetchState.RUNNING, 1, None)

    def test_a_fetch_that_runs_twice_asks_once(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        assert world.run_fetch(fetch_id)
        assert world.run_fetch(fetch_id)
        assert world.market_data.asked == ["AAPL"]

    def test_an_ended_or_unheard_of_fetch_hands_nothing_over(self, world: IngestWorld) -> None:
        [fetch_id] = world.bring("AAPL")
        assert not world.run_fetch(fetch_id)
        assert not world.run_fetch("nobody's")
        assert world.market_data.asked == ["AAPL"]

    def test_a_fetch_that_another_worker_has_is_left_to_it_until_its_lease_runs_out(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        now = world.clock.now()
        assert world.fetches.take(fetch_id, now, now + timedelta(seconds=60))  # by a worker that is killed
        world.clock.sleep(59)
        assert not world.run_fetch(fetch_id)
        world.clock.sleep(1)
        assert world.run_fetch(fetch_id)
        assert (world.market_data.asked, world.record(fetch_id).attempts) == (["AAPL"], 2)

    def test_a_burst_waits_and_says_why_and_until_when(self, world: IngestWorld) -> None:
        world.market_data.fail("AAPL", MarketDataKind.BURST)
        fetch_id = world.ask("AAPL")
        assert not world.run_fetch(fetch_id)
        record = world.record(fetch_id)
        assert (record.state, record.kind, record.reason) == (FetchState.WAITING, "burst", "AAPL: burst")
        assert record.retry_at == world.clock.now() + timedelta(seconds=1.5)

    def test_a_waiting_fetch_is_not_asked_before_its_time_however_often_it_is_sent(self, world: IngestWorld) -> None:
        world.market_data.fail("AAPL", MarketDataKind.MINUTE)
        fetch_id = world.ask("AAPL")
        world.run_fetch(fetch_id)
        world.clock.sleep(59)
        assert not world.run_fetch(fetch_id)
        assert (world.market_data.asked, world.record(fetch_id).attempts) == (["AAPL"], 1)
        world.clock.sleep(1)
        assert world.run_chain(fetch_id)
        assert world.record(fetch_id).state == FetchState.SUCCEEDED

    def test_bursts_wait_longer_and_longer_and_the_fifth_fails(self, world: IngestWorld) -> None:
        world.market_data.fail("AAPL", *[MarketDataKind.BURST] * MAX_ATTEMPTS)
        fetch_id = world.ask("AAPL")
        pauses = []
        while not world.run_fetch(fetch_id) and (retry_at := world.record(fetch_id).retry_at):
            pauses.append((retry_at - world.clock.now()).total_seconds())
            world.clock.sleep(pauses[-1])
        assert pauses == [1.5, 3, 6, 12]
        record = world.record(fetch_id)
        assert (record.state, record.kind, record.attempts) == (FetchState.FAILED, "burst", 5)
        assert world.figures("fetch") == {"retries": 4, "failed": 1}

    @pytest.mark.parametrize("kind", [MarketDataKind.UNKNOWN_SYMBOL, MarketDataKind.PREMIUM, MarketDataKind.BAD_KEY])
    def test_what_asking_again_cannot_help_fails_at_once(self, world: IngestWorld, kind: MarketDataKind) -> None:
        world.market_data.fail("NOPE", kind)
        fetch_id = world.ask("NOPE")
        assert not world.run_fetch(fetch_id)
        record = world.record(fetch_id)
        assert (record.state, record.kind, record.finished_at) == (FetchState.FAILED, kind, world.clock.now())

    def test_after_the_day_s_last_request_a_fetch_waits_for_the_next_day_s(self, world: IngestWorld) -> None:
        world.market_data.fail("AAPL", MarketDataKind.DAILY)
        fetch_id = world.ask("AAPL")
        assert not world.run_fetch(fetch_id)
        record, midnight = world.record(fetch_id), datetime(2026, 11, 21, 5, 0, tzinfo=UTC)  # US/Eastern
        assert (record.state, record.kind, record.attempts) == (FetchState.WAITING, "daily", 0)
        assert (record.reason, record.retry_at) == ("AAPL: daily", midnight)
        world.clock.sleep((midnight - world.clock.now()).total_seconds() - 61)
        assert (world.later, world.sweep_round()) == ([], [])
        world.clock.sleep(61)
        assert world.sweep_round() == [fetch_id]
        assert world.record(fetch_id).state == FetchState.SUCCEEDED

    def test_a_symbol_known_as_unknown_costs_no_request_for_30_days(self, world: IngestWorld) -> None:
        world.market_data.fail("NOPE", MarketDataKind.UNKNOWN_SYMBOL)
        world.run_fetch(world.ask("NOPE"))
        for _ in range(3):
            world.clock.sleep(9 * DAY)
            refused = world.ask("NOPE")
            assert not world.run_fetch(refused)
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
