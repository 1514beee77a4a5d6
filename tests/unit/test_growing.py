"""The protocol of leases, fences and requests to repeat, on a simulated clock; and that the simulation sees when it is broken.

`python -m benchmarks.growing` plays the same with a hundred drivers and a thousand shards.
"""

from dataclasses import asdict
from functools import partial

import pytest

from benchmarks.growing.broken import BUILDS
from benchmarks.growing.played import Run, play

pytestmark = pytest.mark.timeout(300)  # of computing; a busy machine takes its time
SMALL = partial(Run, 6, 20, 3, start_s=6.0)


def test_under_failures_no_tick_is_lost_or_doubled_and_shards_change_hands_within_five_seconds() -> None:
    played = play(Run(10, 50, 3, 12.0, 8, start_s=6.0), BUILDS["whole"])
    assert played.outcome.clean, played.outcome
    assert played.outcome.logged > 50 * 10 * 15
    assert set(played.faults) == {
        "drivers killed", "drivers frozen", "drivers stopped", "receivers killed", "receivers frozen",
        "Redis away", "Redis emptied", "speeds ordered",
    }  # fmt: skip
    times = [seconds for of_kind in played.take_overs.values() for of_cause in of_kind.values() for seconds in of_cause]
    assert len(times) > 50
    assert max(times) < 5


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = (asdict(play(SMALL(4.0, 1), BUILDS["whole"])) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("build", "finds"), [("no-log-fence", "doubled"), ("no-re-request", "lost")])
def test_what_is_lost_or_doubled_with_a_part_of_the_protocol_off_is_found(build: str, finds: str) -> None:
    """Not by every run, and the same failures do the whole engine no harm. What the driver's fence keeps out comes seldom:
    `make simulate` looks for it in longer runs, tests/faults in one scene."""
    runs = [SMALL(20.0, seed) for seed in (5, 1, 2, 3)]
    found = next((run for run in runs if getattr(play(run, BUILDS[build]).outcome, finds)), None)
    assert found is not None
    assert play(found, BUILDS["whole"]).outcome.clean
