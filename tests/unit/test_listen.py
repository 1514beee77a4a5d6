"""How the listener opens a session and keeps its members, by events and without them."""

from dataclasses import replace

import pytest

from pipeline.domain.bars import Series
from pipeline.domain.errors import InvalidValue, Unavailable
from pipeline.domain.events import BarsStored
from pipeline.domain.metrics import bucket
from tests.support.ingest_world import IngestWorld

FIVE = ("AAPL", "MSFT", "GOOGL", "IBM", "META")


@pytest.fixture
def world() -> IngestWorld:
    return IngestWorld()


def members(world: IngestWorld) -> set[str]:
    session = world.plan.current_session()
    return set(session.members) if session else set()


def test_a_session_opens_when_the_fifth_symbol_is_announced(world: IngestWorld) -> None:
    world.bring(*FIVE[:4])
    world.listen.step()
    assert world.plan.current_session() is None
    report = world.meters["listen"].report()
    assert (report.health, report.message) == ("waiting", "4 of 5 symbols ready")
    world.bring("META")
    world.listen.step()
    assert members(world) == set(FIVE)
    report = world.meters["listen"].report()
    assert (report.health, report.figures["ready_symbols"], report.figures["total"]) == ("ok", 5, 5)


def test_the_age_of_an_event_when_it_is_acted_on_is_measured(world: IngestWorld) -> None:
    world.bring("AAPL")
    world.clock.sleep(0.25)
    world.listen.step()
    report = world.meters["listen"].report()
    assert (sum(report.latencies), report.latencies[bucket(0.25)]) == (1, 1)


def test_what_was_heard_is_deleted(world: IngestWorld) -> None:
    world.bring("AAPL")
    world.listen.step()
    assert world.bus.receive(0) == []


def test_a_symbol_that_comes_later_is_admitted_to_the_session_that_plays(world: IngestWorld) -> None:
    world.bring(*FIVE)
    world.listen.step()
    session = world.plan.current_session()
    assert session
    world.bring("NVDA")
    world.listen.step()
    assert members(world) == {*FIVE, "NVDA"}
    assert world.plan.current_session() == replace(session, members=(*session.members, "NVDA"))


def test_an_event_that_sns_posted_is_heard_as_one_of_the_queue(world: IngestWorld) -> None:
    world.bring(*FIVE[:4])
    world.listen.step()
    world.bring("META")
    event, sent_at = world.bus.published[-1].to_json(), world.clock.now().timestamp()
    world.clock.sleep(0.25)
    before = world.meters["listen"].report()
    world.listen.hear(event, sent_at)
    assert members(world) == set(FIVE)
    report = world.meters["listen"].report()
    assert report.figures["total"] == before.figures["total"] + 1
    assert report.latencies[bucket(0.25)] == before.latencies[bucket(0.25)] + 1


def test_a_posted_event_of_another_source_or_of_none_opens_nothing(world: IngestWorld) -> None:
    world.bring(*FIVE)
    event = world.bus.published[-1]
    assert isinstance(event, BarsStored)
    world.listen.hear(replace(event, source="alphavantage").to_json(), 0.0)
    with pytest.raises(InvalidValue):
        world.listen.hear("{}", 0.0)
    assert world.plan.current_session() is None


def test_events_that_come_together_are_acted_on_together(world: IngestWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.listen.step()
    world.bring(*FIVE)
    asked, series = [], world.bars.series

    def counted(interval: str) -> list[Series]:
        asked.append(interval)
        return series(interval)

    monkeypatch.setattr(world.bars, "series", counted)
    world.listen.step()
    assert members(world) == set(FIVE)
    assert len(asked) <= 2, "to see who is ready, and to open the session"


def test_a_repeated_event_changes_nothing(world: IngestWorld) -> None:
    world.bring(*FIVE)
    bodies = [delivery.body for delivery in world.bus.receive(0)]
    world.listen.step()
    session = world.plan.current_session()
    for body in bodies:
        world.bus.put(body)
    world.listen.step()
    assert world.plan.current_session() == session


def test_a_lost_event_is_healed_within_30_seconds(world: IngestWorld) -> None:
    world.bring(*FIVE[:4])
    world.listen.step()
    world.bring("META")
    for delivery in world.bus.receive(0):
        world.bus.delete(delivery)
    world.listen.step()
    assert world.plan.current_session() is None
    world.clock.sleep(30)
    world.listen.step()
    assert members(world) == set(FIVE)


def test_a_listener_that_starts_reconciles_before_it_hears_anything(world: IngestWorld) -> None:
    world.bring(*FIVE)
    for delivery in world.bus.receive(0):
        world.bus.delete(delivery)
    world.new_listener().step()
    assert members(world) == set(FIVE)


@pytest.mark.parametrize(
    "body",
    ["", "no JSON", "[]", "7", '"bars.stored"', "{}", '{"type": "bars.dropped"}', '{"type": "bars.stored"}',
     '{"type": "bars.stored", "first": 5, "last": null}', "[" * 100_000],
    ids=lambda body: body[:20],
)  # fmt: skip
def test_a_malformed_message_stays_and_ends_in_the_dead_letter_queue(world: IngestWorld, body: str) -> None:
    world.bus.put(body)
    world.bring(*FIVE)
    for _ in range(6):
        world.listen.step()
    assert world.bus.dead == [body]
    assert world.figures("listen")["malformed"] == 5
    assert members(world) == set(FIVE), "the others were heard all the same"


def test_an_event_of_another_source_or_interval_is_taken_away_without_effect(world: IngestWorld) -> None:
    world.bring("AAPL")
    [event] = world.events()
    world.listen.step()
    world.bring(*FIVE[1:])
    for delivery in world.bus.receive(0):
        world.bus.delete(delivery)
    world.bus.publish(replace(event, source="alphavantage"))
    world.bus.publish(replace(event, interval="60min"))
    world.listen.step()
    assert (world.plan.current_session(), list(world.bus.receive(0))) == (None, [])


def test_an_event_that_could_not_be_acted_on_comes_again(world: IngestWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.listen.step()
    world.bring(*FIVE)

    def away(interval: str) -> None:
        raise Unavailable("MongoDB is away")

    with monkeypatch.context() as patch:
        patch.setattr(world.bars, "series", away)
        with pytest.raises(Unavailable):
            world.listen.step()
    assert len(world.bus.receive(0)) == 5
    world.listen.step()
    assert members(world) == set(FIVE)


def test_a_queue_that_was_away_is_well_again_as_soon_as_it_answers(world: IngestWorld) -> None:
    world.bring(*FIVE)
    world.listen.step()
    world.bus.away = True
    with pytest.raises(Unavailable):
        world.listen.step()
    world.meters["listen"].failing("SQS is away")  # as the loop does
    world.bus.away = False
    world.listen.step()
    assert world.meters["listen"].report().health == "ok"


def test_the_threshold_is_a_setting() -> None:
    world = IngestWorld(replace(IngestWorld().rules, ready_symbols=1))
    world.bring("IBM")
    world.listen.step()
    assert members(world) == {"IBM"}
