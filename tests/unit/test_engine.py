"""The way from plan to log under losses, restarts and pauses, on the memory twins: nothing lost, nothing doubled."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from pipeline.adapters.memory.table import MemoryTable
from pipeline.adapters.memory.tick_log import MemoryTickFeed
from pipeline.domain.batches import Batch, Position, row_key, row_position
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.metrics import bucket
from pipeline.domain.rules import TickRules
from pipeline.domain.sharding import shard_of
from pipeline.ports.table import Cell, Change, RowRange
from pipeline.stages.repeat import remake
from pipeline.stages.verify import Verify
from tests.unit.engine_world import RULES, SYMBOLS, World


def playing(seconds: float = 10) -> World:
    world = World()
    world.open_session()
    world.start_driver()
    world.run(seconds)
    return world


def test_every_symbol_ticks_ten_times_a_second_without_gap_or_repeat() -> None:
    world = playing(20)
    world.check(at_least=190)
    assert all(len(numbers) <= 201 for numbers in world.sequences().values())


def test_event_times_are_the_planned_ones_100_ms_apart() -> None:
    world = playing(12)
    times = [json.loads(t.value)["event_time"] for log in world.broker.ticks.values() for t in log if t.symbol == "IBM"]
    milliseconds = [int(time[17:19]) * 1000 + int(time[20:23]) for time in times]
    assert {(b - a) % 60_000 for a, b in pairwise(milliseconds)} == {100}


def test_a_driver_that_takes_over_goes_on_where_the_dead_one_stopped() -> None:
    world = playing()
    world.kill(world.drivers[0])
    world.run(2)
    world.start_driver("driver-2")
    world.run(10)
    world.settle()
    world.check(at_least=180)


def test_batches_lost_on_the_way_are_sent_again() -> None:
    world = playing()
    world.run(1, lose_batches=True)
    world.run(10)
    world.check(at_least=190)
    assert world.meters["tick"].report().figures["sent_again"] > 0


def test_a_paused_driver_that_wakes_up_late_changes_nothing() -> None:
    world = playing()
    sleeper = world.drivers.pop()
    world.start_driver("driver-2")
    world.run(15)
    world.drivers.append(sleeper)
    world.run(15)
    world.check(at_least=350)


def test_a_batch_of_an_older_epoch_is_refused() -> None:
    world = playing()
    old = _batches_under_way(world)
    world.kill(world.drivers[0])
    world.start_driver("driver-2")
    world.run(10)
    world.link.queue.extend(old)
    world.run(1)
    assert world.meters["buffer"].report().figures["refused"] >= 1
    world.check(at_least=150)


def _batches_under_way(world: World) -> list[Batch]:
    world.clock.sleep(0.1)
    for driver in world.drivers:
        driver.step()
    batches = list(world.link.queue)
    assert batches
    return batches


def test_what_a_broken_link_did_not_take_is_sent_as_soon_as_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    world = playing()

    def broken(batches: list[Batch]) -> None:
        raise Unavailable("broker: ConnectionError")

    with monkeypatch.context() as patched:
        patched.setattr(world.link, "send", broken)
        world.run(0.5)
    world.run(0.5)  # well within the 3 s after which a lost batch is sent again
    world.check(at_least=100)


def test_of_batches_that_came_together_only_the_stale_ones_are_refused() -> None:
    world = playing()
    stale, welcome = (
        Batch(shard, Position(1, 1), None, epoch, 0.0, 1, (("X", b"{}"),)) for shard, epoch in ((8, 4), (9, 5))
    )
    world.buffer.put([replace(stale, epoch=5)])
    with pytest.raises(Fenced):
        world.buffer.put([replace(stale, position=Position(1, 2)), welcome])
    rows = {row_position(cell.row) for cell in world.table.scan(RowRange(row_key(8, Position(0, 0))))}
    assert rows == {(8, Position(1, 1)), (9, Position(1, 1))}


def test_a_watermark_ahead_of_the_table_loses_nothing_since_the_forwarder_asks_for_the_gap() -> None:
    world = playing()
    for batch in _batches_under_way(world):
        world.watermarks.confirm({batch.shard: batch.position})
    world.link.queue.clear()
    world.run(10)
    assert world.meters["forward"].report().figures["asked_again"] > 0
    world.settle()
    world.check(at_least=190)


def test_a_receiver_that_is_away_makes_its_drivers_wait_and_nothing_is_skipped() -> None:
    world = playing()
    world.receiver_runs = False
    world.run(30)
    assert world.link.depth() <= RULES.window * RULES.shards * 2
    world.receiver_runs = True
    world.start_receiver()
    world.run(10)
    world.check(at_least=180)


class Away(MemoryTable):
    away = False

    def scan(self, *arguments: Any, **more: Any) -> Iterator[Cell]:
        if self.away:
            raise Unavailable("away")
        return super().scan(*arguments, **more)

    def write(self, changes: Iterable[Change]) -> None:
        if self.away:
            raise Unavailable("away")
        super().write(changes)


def test_a_receiver_to_which_nothing_comes_is_well_while_its_table_answers() -> None:
    """As after a start with a paused stream; and what went wrong before the pause is over when the table is back."""
    world = World(shard_table=(table := Away()))
    assert world.says("buffer") == ("starting", "starting")
    world.buffer.measure()
    assert world.says("buffer") == ("ok", "")
    table.away = True
    with pytest.raises(Unavailable):
        world.buffer.measure()
    assert world.says("buffer") == ("failing", "away")
    table.away = False
    world.buffer.measure()
    assert world.says("buffer") == ("ok", "")


def test_batches_that_could_not_be_stored_are_told_until_nobody_waits_for_them_any_more() -> None:
    world = World(table=(table := Away()))
    world.open_session()
    world.start_driver()
    world.run(1.0)
    table.away = True
    with suppress(Unavailable):
        world.run(1.0)
    world.buffer.measure()
    assert world.says("buffer") == ("failing", "away")
    world.clock.sleep(11.0)
    world.buffer.measure()
    assert world.says("buffer") == ("ok", "")


def test_a_broker_that_is_away_loses_nothing_and_catches_up() -> None:
    world = playing()
    world.broker.away = True
    world.run(60)
    world.broker.away = False
    world.run(5)
    world.check(at_least=700)


def test_redis_emptied_while_ticking_loses_nothing() -> None:
    world = playing()
    for _ in range(3):
        world.link.queue.clear()
        world.watermarks._noted.clear()
        world.leases._held.clear()
        world.run(8)
    world.settle()
    world.check(at_least=250)


def test_a_driver_that_begins_from_an_old_watermark_leaves_the_plan_of_what_was_played_as_it_is() -> None:
    """A receiver that was frozen before it told what the table had tells it to a Redis that has been emptied since."""
    world = playing()
    old = world.watermarks.confirmed(list(range(RULES.shards)))
    world.run(8)  # more than the window has, and later than a driver catches up with
    world.settle()
    world.kill(world.drivers[0])
    world.leases._held.clear()
    world.watermarks._noted.clear()
    world.watermarks.confirm(old)
    world.start_driver("driver-2")
    world.run(10)
    world.settle()
    verify = Verify(world.plan, MemoryTickFeed(world.broker.ticks))
    while verify.step(0):
        pass
    verdict = verify.verdict()
    assert verdict.clean, verdict
    world.check(at_least=250)


def test_a_broker_started_anew_goes_on_from_the_table_s_copy_of_the_checkpoint() -> None:
    world = playing()
    before = {shard: len(log) for shard, log in world.broker.ticks.items()}
    first_seen = world.sequences()
    world.broker.ticks.clear()
    world.broker.checkpoints.clear()
    world.broker.generations.clear()
    world.start_receiver("receiver-2")
    world.run(10)
    assert before
    for key, numbers in world.sequences().items():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert numbers[0] <= len(first_seen[key]) + 1


def test_a_new_symbol_joins_the_running_session_within_a_moment() -> None:
    world = playing()
    world.add_bars("NVDA")
    session = world.plan.current_session()
    assert session
    world.plan.admit(session.opened_ms, ["NVDA"])
    world.run(5)
    world.check(at_least=140)
    assert len(world.sequences()[(session.id, "NVDA")]) >= 35


def test_a_crowd_that_comes_one_by_one_joins_in_few_legs() -> None:
    world = playing()
    session = world.plan.current_session()
    assert session
    before = sum(len(world.plan.legs_after(shard, 0)) for shard in range(RULES.shards))
    for number in range(20):
        world.add_bars(f"C{number}")
        world.plan.admit(session.opened_ms, [f"C{number}"])
        world.run(0.2)
    world.run(4)
    world.check(at_least=140)
    for number in range(20):
        assert (session.id, f"C{number}") in world.sequences()
    after = sum(len(world.plan.legs_after(shard, 0)) for shard in range(RULES.shards))
    assert after - before <= RULES.shards * 6, "a leg each 2 s, and those that follow in any case"


def test_at_the_end_of_the_data_a_new_session_opens_by_itself() -> None:
    world = World(days=3)
    world.open_session()
    world.start_driver()
    world.run(40)  # 3 bars of 5 s each: the third session
    world.check(at_least=380)
    assert len({session for session, _ in world.sequences()}) == 3


def test_after_a_long_stop_the_session_goes_on_later_and_not_in_a_flood() -> None:
    world = playing()
    world.kill(world.drivers[0])
    world.clock.sleep(8 * 3600)
    world.start_driver("driver-2")
    world.run(10)
    world.settle()
    world.check(at_least=180)
    assert all(len(numbers) < 260 for numbers in world.sequences().values())


def test_forwarded_ticks_older_than_the_retention_leave_the_table() -> None:
    world = World(rules=TickRules(ticks_per_bar=50, retention_s=20))
    world.open_session()
    world.start_driver()
    world.run(120)
    world.check(at_least=1100)
    rows = {cell.row for cell in world.table.scan(RowRange())}
    # Looked after every 30 s; the batches of the minute whose bars are open stay.
    assert len(rows) < 95 * 10 * len({shard_of(s, RULES.shards) for s in SYMBOLS})


def test_whoever_makes_a_batch_again_makes_the_same_bytes() -> None:
    world = playing()
    remade = 0
    for shard, log in world.broker.ticks.items():
        first = world.plan.legs_after(shard, 0)[0]
        start, end = Position(first.session_ms, first.first_beat), Position(first.session_ms, first.first_beat + 60)
        again = [block for batch in remake(world.plan, world.clock, shard, start, end) for _, block in batch.blocks]
        values = [tick.value for tick in log]
        # The first beat is not asked for; what follows must be the same bytes in the same order.
        at = values.index(again[0])
        assert values[at : at + len(again)] == again
        remade += len(again)
    assert remade == 59 * len(SYMBOLS)


def test_each_hop_measures_what_passes_it() -> None:
    world = playing()
    ticks = world.figure("tick", "total")
    assert ticks == pytest.approx(50 * 10, abs=40)
    assert world.figure("tick", "rate_per_s") == pytest.approx(50, abs=6)
    shards = {str(shard_of(symbol, RULES.shards)) for symbol in SYMBOLS}
    reports = {stage: meter.report() for stage, meter in world.meters.items()}
    for stage in ("buffer", "forward"):
        assert reports[stage].figures["total"] == sum(reports[stage].latencies) == ticks, "every tick has its age"
    late = reports["tick"].latencies
    assert sum(late) * len(SYMBOLS) == pytest.approx(ticks * len(shards), abs=len(SYMBOLS) * len(shards)), (
        "a batch has one"
    )
    assert sum(late[: bucket(0.02) + 1]) == sum(late), "the world looks each 20 ms"
    assert set(reports["tick"].shards["held"]) == {str(shard) for shard in range(RULES.shards)}
    assert set(reports["tick"].shards["epoch"].values()) == {1}
    assert set(reports["forward"].shards["held"]) == {str(shard) for shard in range(RULES.shards)}
    assert (reports["tick"].figures["late_ms"], reports["tick"].figures["shards_waiting"]) == (0, 0)


def test_a_receiver_that_is_away_is_told_with_the_shards_that_wait_and_how_late_they_are() -> None:
    world = playing()
    world.receiver_runs = False
    world.run(1.5)
    assert world.says("tick") == ("ok", "")
    world.run(13.5)
    health, words = world.says("tick")
    assert health == "failing"
    assert re.fullmatch(r"13 s late: the receiver has confirmed nothing of shard \d(, \d)* for 1[23] s", words)
    assert world.figure("tick", "lag_ms") == pytest.approx(15_000, abs=700)
    world.receiver_runs = True
    world.start_receiver()
    world.run(10)
    assert world.says("tick") == ("ok", "")
    assert world.figure("tick", "late_ms") == 0
    assert "waiting_s" not in world.meters["tick"].report().shards


def test_a_full_window_is_no_trouble_while_batches_are_confirmed() -> None:
    world = World(rules=TickRules(ticks_per_bar=50, window=1))
    world.open_session()
    world.start_driver()
    for _ in range(20):
        world.run(1)
        assert world.says("tick")[0] == "ok"


def test_a_driver_that_cannot_send_keeps_its_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    world = playing()

    def broken(batches: list[Batch]) -> None:
        raise Unavailable("broker: ConnectionError")

    monkeypatch.setattr(world.link, "send", broken)
    epochs = [world.plan.epoch(shard) for shard in range(RULES.shards)]
    world.run(2 * RULES.lease_ms / 1000)
    monkeypatch.undo()
    world.run(5)
    assert [world.plan.epoch(shard) for shard in range(RULES.shards)] == epochs
    world.check(at_least=140)


def test_a_driver_whose_sending_outlasted_its_leases_holds_them_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one has had the shards meanwhile, and has given them back: what was held before is stale."""
    world = World(TickRules())  # whose legs are long: at a leg's end it would notice by itself
    world.open_session()
    world.start_driver()
    world.run(10)
    sleeper, send = world.drivers[0], world.link.send
    slept: list[bool] = []

    def slow(batches: list[Batch]) -> None:
        if not slept and sleeper._poll_at <= world.clock.monotonic():  # it asks for its leases next
            slept.append(True)
            world.drivers.remove(sleeper)
            other = world.start_driver("driver-2")
            world.run(5)
            other.release()
            world.drivers[:] = [sleeper]
        send(batches)

    monkeypatch.setattr(world.link, "send", slow)
    world.run(2)
    assert slept
    world.run(0.2)
    assert [player.epoch for player in sleeper._players.values()] == [3] * RULES.shards
    world.run(10)
    world.settle()
    world.check(at_least=200)


def test_a_shard_whose_rows_make_no_sense_keeps_no_other_from_its_turn() -> None:
    world = playing(3)
    shard = shard_of("IBM", RULES.shards)
    watermark = world.watermarks.confirmed([shard])[shard]
    assert watermark
    broken = Position(watermark.session, watermark.beat + 1)
    world.kill(world.drivers[0])
    world.buffer.put([Batch(shard, broken, watermark, 9, 0.0, 1, (("IBM", b"no tick"),))])
    world.start_driver("driver-2")
    world.run(0.5)
    before = {key: len(numbers) for key, numbers in world.sequences().items()}
    world.run(10)
    moved = {symbol for (_, symbol), numbers in world.sequences().items() if len(numbers) > before.get((_, symbol), 0)}
    assert moved == {symbol for symbol in SYMBOLS if shard_of(symbol, RULES.shards) != shard}


def test_a_driver_that_is_slower_than_its_leases_keeps_the_shards_that_nobody_else_has_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each taking of a shard lasts longer than the leases, as on a machine that is overloaded; yet all are taken."""
    world = World()
    world.open_session()
    new_epoch = world.plan.new_epoch

    def slow(shard: int) -> int:
        world.clock.sleep(RULES.lease_ms / 1000 + 1)
        return new_epoch(shard)

    monkeypatch.setattr(world.plan, "new_epoch", slow)
    driver = world.start_driver()
    world.run(30)
    assert {shard: player.epoch for shard, player in driver._players.items()} == dict.fromkeys(range(RULES.shards), 1)
    world.check(at_least=50)
