"""What a message and a step ask of the table: on a cluster each question is a way to another process."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial

from pipeline.adapters.memory.table import MemoryTable
from pipeline.domain.batches import Batch, Position, row_key, shard_rows
from pipeline.domain.errors import Unavailable
from pipeline.ports.table import Cell, KeyRange, RowRange
from pipeline.stages.chain import Watermark
from tests.unit.engine_world import World


class Counting(MemoryTable):
    scans = 0

    def scan(
        self,
        within: RowRange | KeyRange,
        columns: Sequence[bytes | tuple[bytes, bytes]] = (),
        limit: int | None = None,
        authorizations: Collection[bytes] = (),
    ) -> Iterator[Cell]:
        self.scans += 1
        return super().scan(within, columns, limit, authorizations)


def counted() -> tuple[World, Counting, Counting]:
    """A world that has played for a while."""
    ticks, notes = Counting(), Counting()
    world = World(table=ticks, shard_table=notes)
    world.open_session()
    world.start_driver()
    world.run(2.0)
    return world, ticks, notes


def made(world: World) -> list[Batch]:
    """The next batches, which nobody has received yet."""
    while not world.link.queue:
        world.clock.sleep(0.02)
        world.drivers[0].step()
    batches = list(world.link.queue)
    world.link.queue.clear()
    return batches


def test_a_message_that_lengthens_its_chains_costs_one_read_of_the_notes_and_none_of_the_ticks() -> None:
    world, ticks, notes = counted()
    for _ in range(3):
        batches = made(world)
        ticks.scans = notes.scans = 0
        world.buffer.put(batches)
        assert (ticks.scans, notes.scans) == (0, 1)
        assert world.watermarks.confirmed([one.shard for one in batches]) == {
            one.shard: one.position for one in batches
        }
    world.run(1.0)
    world.check(at_least=5)


def test_a_batch_that_another_receiver_stored_meanwhile_is_read() -> None:
    world, _, _ = counted()
    first = world.buffer
    world.start_receiver("receiver-2")
    second = world.buffer
    ends: dict[int, Position] = {}
    for receiver in (first, second, second, first, second, first):
        batches = made(world)
        receiver.put(batches)
        ends |= {one.shard: one.position for one in batches}
        assert world.watermarks.confirmed(list(ends)) == ends


def test_what_left_the_table_after_it_was_forwarded_is_no_gap() -> None:
    """A receiver that has not seen a shard for a while finds its way by the checkpoint."""
    world, _, _ = counted()
    idle = world.buffer
    world.start_receiver("receiver-2")
    world.run(3.0)
    for shard in range(world.rules.shards):
        if noted := world.make_notes().checkpoint(shard):
            world.table.delete_rows(shard_rows(shard)[0], row_key(shard, noted.position))
    batches = made(world)
    idle.put(batches)
    ends = {one.shard: one.position for one in batches}
    assert world.watermarks.confirmed(list(ends)) == ends


def test_a_forwarder_whose_lease_ended_during_a_step_does_not_go_on_with_its_other_shards() -> None:
    world, _, _ = counted()
    shards = list(world.forward._shards)
    assert len(shards) > 1
    stepped = []

    def slow(shard: int, step: Callable[[], int]) -> int:
        stepped.append(shard)
        world.clock.sleep(10.0)
        world.leases.keep([f"forward:{one}" for one in shards], "another", 60_000)
        return step()

    for shard, forwarder in world.forward._shards.items():
        forwarder.step = partial(slow, shard, forwarder.step)  # type: ignore[method-assign]
    with suppress(Unavailable):
        world.forward.step()
    assert stepped == shards[:1]


def test_a_forwarder_to_which_nothing_comes_looks_five_times_less_often() -> None:
    world, _, _ = counted()
    assert world.forward.step() <= 0.05
    world.drivers.clear()
    world.run(0.5)
    assert world.forward.step() == 0.05
    world.run(1.0)
    assert world.forward.step() == 0.25


class Torn(MemoryTable):
    """The tablet of one shard is away."""

    away: int | None = None

    def scan(
        self,
        within: RowRange | KeyRange,
        columns: Sequence[bytes | tuple[bytes, bytes]] = (),
        limit: int | None = None,
        authorizations: Collection[bytes] = (),
    ) -> Iterator[Cell]:
        row = within.start if isinstance(within, RowRange) else None
        if self.away is not None and row is not None and row.startswith(self.away.to_bytes(2)):
            raise Unavailable("away")
        return super().scan(within, columns, limit, authorizations)


def test_what_is_reached_before_a_shard_that_cannot_be_read_is_confirmed() -> None:
    world = World(table=(table := Torn()))
    world.open_session()
    world.start_driver()
    world.run(2.0)
    before = world.watermarks.confirmed([0, 1])
    world.watermarks._noted.clear()
    table.away = 1
    with suppress(Unavailable):
        Watermark(table, world.make_notes(), world.watermarks).advance({0: (), 1: ()})
    assert world.watermarks.confirmed([0, 1]) == {0: before[0]}
