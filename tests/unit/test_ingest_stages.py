"""From request to event, and how the listener takes it: on the memory twins, with scripted market data."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.domain.errors import InvalidValue, MarketDataKind, Unavailable
from pipeline.domain.fetches import INTERNAL, FetchRecord, FetchState
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


class TestStore:
    def test_the_bars_and_what_changed_are_stored(self, world: IngestWorld) -> None:
        fetch_id = world.ask("AAPL")
        world.fetch.run(fetch_id)
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
        world.fetch.run(fetch_id)
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
        world.fetch.run(fetch_id)
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
        world.fetch.run(fetch_id)
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
        world.fetch.run(fetch_id)
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

    def test_a_waiting_fetch_is_swept_up_after_its_time(self, world: IngestWorld) -> None:
        world.market_data.fail("AAPL", MarketDataKind.MINUTE)
        fetch_id = world.ask("AAPL")
        world.fetch.run(fetch_id)
        world.clock.sleep(60)
        assert world.sweep_round() == []
        world.clock.sleep(31)
        assert world.sweep_round() == [fetch_id]
        assert world.record(fetch_id).state == FetchState.SUCCEEDED

    def test_failed_fetches_are_left_alone(self, world: IngestWorld) -> None:
        world.market_data.fail("NOPE", MarketDataKind.UNKNOWN_SYMBOL)
        world.fetch.run(world.ask("NOPE"))
        world.clock.sleep(DAY)
        assert world.sweep_round() == []

    def test_each_swept_record_is_counted(self, world: IngestWorld) -> None:
        world.requests.request(["AAPL", "IBM"], "api")
        world.clock.sleep(31)
        swept: list[FetchRecord] = []
        assert world.sweep.run(swept.append) == len(swept) == 2


class TestListen:
    FIVE = ("AAPL", "MSFT", "GOOGL", "IBM", "META")

    def members(self, world: IngestWorld) -> set[str]:
        session = world.plan.current_session()
        return set(session.members) if session else set()

    def test_a_session_opens_when_the_fifth_symbol_is_announced(self, world: IngestWorld) -> None:
        world.bring(*self.FIVE[:4])
        world.listen.step()
        assert world.plan.current_session() is None
        report = world.meters["listen"].report()
        assert (report.health, report.message) == ("waiting", "4 of 5 symbols ready")
        world.bring("META")
        world.listen.step()
        assert self.members(world) == set(self.FIVE)
        report = world.meters["listen"].report()
        assert (report.health, report.figures["ready_symbols"], report.figures["total"]) == ("ok", 5, 5)

    def test_what_was_heard_is_deleted(self, world: IngestWorld) -> None:
        world.bring("AAPL")
        world.listen.step()
        assert world.bus.receive(0) == []

    def test_a_symbol_that_comes_later_is_admitted_to_the_session_that_plays(self, world: IngestWorld) -> None:
        world.bring(*self.FIVE)
        world.listen.step()
        session = world.plan.current_session()
        assert session
        world.bring("NVDA")
        world.listen.step()
        assert self.members(world) == {*self.FIVE, "NVDA"}
        assert world.plan.current_session() == replace(session, members=(*session.members, "NVDA"))

    def test_a_repeated_event_changes_nothing(self, world: IngestWorld) -> None:
        world.bring(*self.FIVE)
        bodies = [delivery.body for delivery in world.bus.receive(0)]
        world.listen.step()
        session = world.plan.current_session()
        for body in bodies:
            world.bus.put(body)
        world.listen.step()
        assert world.plan.current_session() == session

    def test_a_lost_event_is_healed_within_30_seconds(self, world: IngestWorld) -> None:
        world.bring(*self.FIVE[:4])
        world.listen.step()
        world.bring("META")
        for delivery in world.bus.receive(0):
            world.bus.delete(delivery)
        world.listen.step()
        assert world.plan.current_session() is None
        world.clock.sleep(30)
        world.listen.step()
        assert self.members(world) == set(self.FIVE)

    def test_a_listener_that_starts_reconciles_before_it_hears_anything(self, world: IngestWorld) -> None:
        world.bring(*self.FIVE)
        for delivery in world.bus.receive(0):
            world.bus.delete(delivery)
        world.new_listener().step()
        assert self.members(world) == set(self.FIVE)

    @pytest.mark.parametrize(
        "body",
        ["", "no JSON", "[]", "7", '"bars.stored"', "{}", '{"type": "bars.dropped"}', '{"type": "bars.stored"}',
         '{"type": "bars.stored", "first": 5, "last": null}', "[" * 100_000],
        ids=lambda body: body[:20],
    )  # fmt: skip
    def test_a_malformed_message_stays_and_ends_in_the_dead_letter_queue(self, world: IngestWorld, body: str) -> None:
        world.bus.put(body)
        world.bring(*self.FIVE)
        for _ in range(6):
            world.listen.step()
        assert world.bus.dead == [body]
        assert world.figures("listen")["malformed"] == 5
        assert self.members(world) == set(self.FIVE), "the others were heard all the same"

    def test_an_event_of_another_source_or_interval_is_taken_away_without_effect(self, world: IngestWorld) -> None:
        world.bring("AAPL")
        [event] = world.events()
        world.listen.step()
        world.bring(*self.FIVE[1:])
        for delivery in world.bus.receive(0):
            world.bus.delete(delivery)
        world.bus.publish(replace(event, source="alphavantage"))
        world.bus.publish(replace(event, interval="60min"))
        world.listen.step()
        assert (world.plan.current_session(), list(world.bus.receive(0))) == (None, [])

    def test_an_event_that_could_not_be_acted_on_comes_again(
        self, world: IngestWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.listen.step()
        world.bring(*self.FIVE)

        def away(interval: str) -> None:
            raise Unavailable("MongoDB is away")

        with monkeypatch.context() as patch:
            patch.setattr(world.bars, "series", away)
            with pytest.raises(Unavailable):
                world.listen.step()
        assert len(world.bus.receive(0)) == 5
        world.listen.step()
        assert self.members(world) == set(self.FIVE)

    def test_a_queue_that_was_away_is_well_again_as_soon_as_it_answers(self, world: IngestWorld) -> None:
        world.bring(*self.FIVE)
        world.listen.step()
        world.bus.away = True
        with pytest.raises(Unavailable):
            world.listen.step()
        world.meters["listen"].failing("SQS is away")  # as the loop does
        world.bus.away = False
        world.listen.step()
        assert world.meters["listen"].report().health == "ok"

    def test_the_threshold_is_a_setting(self) -> None:
        world = IngestWorld(replace(IngestWorld().rules, ready_symbols=1))
        world.bring("IBM")
        world.listen.step()
        assert self.members(world) == {"IBM"}
