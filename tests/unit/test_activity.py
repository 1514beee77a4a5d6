"""What is told as activity, by whom and in which words; and that telling costs the work nothing."""

from datetime import timedelta
from typing import Any

import pytest

from pipeline.adapters.memory.clock import MemoryClock
from pipeline.adapters.memory.live import MemoryLive
from pipeline.adapters.system.clock import SystemClock
from pipeline.domain.activity import Activity, fetch_queued
from pipeline.domain.errors import MarketDataKind, Unavailable
from pipeline.domain.fetches import FetchRecord
from pipeline.domain.health import Health, Heartbeat, StageReport
from pipeline.domain.requests import Function, Request
from pipeline.stages.lead import Lead
from pipeline.stages.outbox import MOST, Outbox
from pipeline.stages.stream import Stream
from pipeline.stages.watching import Watching
from tests.support.ingest_world import IngestWorld
from tests.support.servers import wait_until
from tests.unit.engine_world import World

Rows = list[dict[str, Any]]


@pytest.fixture
def world() -> IngestWorld:
    return IngestWorld()


def words(world: IngestWorld) -> list[tuple[str, str]]:
    return [(row.level, row.text) for row in world.told]


class TestFetches:
    def test_a_fetch_is_told_from_the_question_to_the_event(self, world: IngestWorld) -> None:
        [fetch_id] = world.bring("IBM")
        assert words(world) == [
            ("info", "IBM daily asked for (test)"),
            ("info", "IBM daily: asking Alpha Vantage"),
            ("good", "IBM daily: 3 new stored, the newest of 2026-11-20"),
            ("info", "bars.stored published: IBM, 3 bars of daily"),
        ]
        assert {row.symbol for row in world.told} == {"IBM"}
        assert {row.link for row in world.told} == {f"/api/v1/fetches/{fetch_id}"}
        assert world.told[-1].data["message_id"] == world.record(fetch_id).message_id
        assert len({row.id for row in world.told}) == 4

    def test_a_correction_of_history_is_two_events_and_says_how_many_bars_were_settled(
        self, world: IngestWorld
    ) -> None:
        world.bring("IBM")
        world.clock.sleep(7 * 86_400)
        world.market_data.behind, world.market_data.close = 5, 1300
        world.told.clear()
        world.bring("IBM")
        texts = [row.text for row in world.told]
        assert "IBM daily: 1 new and 2 changed stored, the newest of 2026-11-19; 2 had been settled" in texts
        assert [text.split()[0] for text in texts if "published" in text] == ["bars.revised", "bars.stored"]

    def test_nothing_changed_is_told_as_that(self, world: IngestWorld) -> None:
        world.bring("IBM")
        world.told.clear()
        world.bring("IBM")
        assert ("good", "IBM daily: nothing has changed") in words(world)

    def test_a_wait_says_until_when_and_why_and_a_failure_why(self, world: IngestWorld) -> None:
        world.market_data.fail("IBM", MarketDataKind.BURST, MarketDataKind.BAD_CALL)
        fetch_id = world.ask("IBM")
        world.run_fetch(fetch_id)
        assert words(world)[-1] == ("warn", "IBM daily waits until 2026-11-20 22:00:01 UTC: IBM: burst")
        world.clock.sleep(2)
        world.run_fetch(fetch_id)
        assert words(world)[-2:] == [
            ("info", "IBM daily: asking Alpha Vantage, try 2"),
            ("bad", "IBM daily failed: IBM: bad_call"),
        ]

    def test_a_reply_without_bars_is_told_as_a_failure(self, world: IngestWorld) -> None:
        world.market_data.unreadable.add("IBM")
        world.run_chain(world.ask("IBM"))
        assert words(world)[-1] == ("bad", "IBM daily failed: IBM: a reply without bars")

    def test_what_is_run_twice_is_told_once(self, world: IngestWorld) -> None:
        [fetch_id] = world.bring("IBM")
        told = len(world.told)
        world.run_chain(fetch_id)
        assert len(world.told) == told

    def test_a_search_has_no_symbol(self) -> None:
        request = Request(Function.SYMBOL_SEARCH, keywords="micro")
        record = FetchRecord("1", "", "t", "api", MemoryClock().now(), interval="search", request=request)
        row = fetch_queued(record).to_dict()
        assert (row["text"], row["symbol"]) == ("Search asked for (api)", None)


class TestOutbox:
    @staticmethod
    def row(n: int, kind: Any = "fetch") -> Activity:
        return Activity(f"row-{n}", MemoryClock().now() + timedelta(seconds=n), kind, "info", f"Row {n}")

    class Away(MemoryLive):
        away = False

        def publish(self, frame: dict[str, Any]) -> None:
            if self.away:
                raise Unavailable("Redis is away")
            super().publish(frame)

    def opened(self) -> tuple["TestOutbox.Away", Outbox]:
        clock = MemoryClock()
        live = self.Away(clock)
        return live, Outbox(live, clock, "ingest-1")

    def test_what_is_told_goes_out_as_one_frame_oldest_first(self) -> None:
        live, outbox = self.opened()
        for n in range(3):
            outbox.tell(self.row(n))
        assert live.frames == []
        assert outbox.flush()
        [frame] = live.frames
        assert {name: frame[name] for name in ("type", "monitor", "n", "at")} == {
            "type": "events", "monitor": "ingest-1-activity", "n": 1, "at": "2026-11-20T22:00:00.000Z",
        }  # fmt: skip
        assert [row["id"] for row in frame["events"]] == ["row-0", "row-1", "row-2"]
        assert frame["events"][-1] == {
            "id": "row-2", "at": "2026-11-20T22:00:02.000Z", "kind": "fetch", "level": "info", "symbol": None,
            "text": "Row 2", "link": None, "data": {},
        }  # fmt: skip

    def test_without_anything_to_tell_nothing_is_sent(self) -> None:
        live, outbox = self.opened()
        assert outbox.flush()
        assert live.frames == []

    def test_a_thousand_at_once_are_one_frame_that_says_how_many_it_left_out(self) -> None:
        live, outbox = self.opened()
        for n in range(1000):
            outbox.tell(self.row(n, "event" if n < 10 else "fetch"))
        outbox.flush()
        [frame] = live.frames
        summary, *rows = frame["events"]
        assert [row["id"] for row in rows] == [f"row-{n}" for n in range(1000 - MOST, 1000)]
        assert summary["text"] == "950 more at once, not shown one by one (10 of kind event, 940 of kind fetch)"
        assert summary["kind"] == "fetch"

    def test_while_redis_is_away_telling_works_and_the_newest_rows_go_out_when_it_is_back(self) -> None:
        live, outbox = self.opened()
        live.away = True
        for n in range(MOST + 5):
            outbox.tell(self.row(n))
            assert not outbox.flush()
        live.away = False
        assert outbox.flush()
        [frame] = live.frames
        assert frame["n"] == 1
        assert len(frame["events"]) == MOST + 1
        assert frame["events"][0]["data"] == {"more": {"fetch": 5}}

    def test_the_thread_sends_by_itself(self) -> None:
        live = self.Away(MemoryClock())
        outbox = Outbox(live, SystemClock(), "ingest-1").start()
        outbox.tell(self.row(1))
        wait_until(lambda: bool(live.frames), "the row is out")


class TestWatching:
    def opened(self, world: World, leads: str = "monitor-1") -> tuple[MemoryLive, Watching, list[Activity]]:
        live, told = MemoryLive(world.clock), list[Activity]()
        lead = Lead(world.leases, world.clock, "watching", leads)
        return live, Watching(live, world.plan, lead, world.clock, told.append), told

    def beat(self, world: World, live: MemoryLive, health: Health, message: str = "") -> None:
        report = StageReport("tick", health, message)
        live.beat(Heartbeat("driver", "driver-1", 1, world.clock.now().timestamp(), (report,)))

    def test_a_stage_that_changes_its_health_is_told_once_with_its_words(self) -> None:
        world = World()
        live, watching, told = self.opened(world)
        for health, message in (
            (Health.OK, ""),
            (Health.OK, ""),
            (Health.FAILING, "no beat"),
            (Health.FAILING, "none"),
        ):
            self.beat(world, live, health, message)
            watching.step()
            world.clock.sleep(1)
        assert [(row.text, row.level, row.data["before"]) for row in told] == [
            ("tick is failing: no beat", "bad", "ok")
        ]
        self.beat(world, live, Health.OK)
        watching.step()
        assert (told[-1].text, told[-1].level) == ("tick is ok", "good")

    def test_a_session_that_opens_and_each_order_are_told_once_whoever_gave_them(self) -> None:
        world = World()
        _, watching, told = self.opened(world)
        watching.step()
        world.open_session()
        watching.step()
        world.start_driver()
        world.run(5)
        stream = Stream(world.plan, world.bars, world.clock, world.rules, "simulator")
        stream.pause()
        watching.step()
        stream.resume()
        stream.speed(5)
        watching.step()
        watching.step()
        assert [row.text.split(":")[0] for row in told] == [
            "A session opened", "The stream is paused", "The stream goes on", "The stream's speed is 5",
        ]  # fmt: skip
        assert len({row.id for row in told}) == 4

    def test_what_was_there_at_the_first_look_is_no_news(self) -> None:
        world = World()
        world.open_session()
        _, watching, told = self.opened(world)
        watching.step()
        assert told == []

    def test_of_two_monitors_one_tells_and_the_other_goes_on_when_it_is_gone(self) -> None:
        world = World()
        (live, first, told), (other_live, second, also_told) = self.opened(world), self.opened(world, "monitor-2")
        for health in (Health.OK, Health.FAILING):
            for channel, watching in ((live, first), (other_live, second)):
                self.beat(world, channel, health)
                watching.step()
            world.clock.sleep(1)
        assert (len(told), also_told) == (1, [])
        world.clock.sleep(6)
        self.beat(world, other_live, Health.OK)
        second.step()
        assert [row.text for row in also_told] == ["tick is ok"]
