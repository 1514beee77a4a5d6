"""Who has which shards, and how long a share takes to move when a worker leaves, and when one comes."""

import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass

from pipeline import bootstrap
from pipeline.settings import load
from tests.support.outages import Pulse, told_to_stop
from tests.support.rounds import SHARDS, living
from tests.support.servers import wait_until
from tests.support.system import System

KINDS = {"driver": "tick", "receiver": "forward"}  # what a role's leases are named by
_MOVED_S = 60.0  # how soon is what is measured


def holders(system: System, kind: str) -> dict[int, str]:
    """By shard, who has its lease of this kind."""
    leases = bootstrap.leases(load({"TICKERLINE_DATA": str(system.data)}))
    names = {f"{kind}:{shard}": shard for shard in range(SHARDS)}
    return {names[name]: holder for name, holder in leases.holders(list(names)).items()}


@dataclass(frozen=True)
class Moves:
    """Seconds: from the order to stop until the others have the share and every shard ticks; from the newcomer's first answer
    until it has its part and every shard ticks; and the longest time without a shard's ticks."""

    name: str
    left: float
    came: float
    silence: float

    def __str__(self) -> str:
        return (
            f"{self.name} left (its share had moved and ticked after {self.left:.1f} s) and came back (after "
            f"{self.came:.1f} s); {self.silence:.1f} s without ticks of a shard"
        )


def leave_and_come(system: System, name: str) -> Moves:
    """Stop one of the two workers of its role, in order, and start it again."""
    kind = KINDS[name.partition("-")[0]]

    def parts() -> Counter[str]:
        return Counter(holders(system, kind).values())

    health = f"{system.node(name).status()['url']}/health"
    even = [SHARDS // 2] * 2
    wait_until(lambda: sorted(parts().values()) == even, "both have their parts", _MOVED_S)
    with Pulse(system) as pulse:
        with told_to_stop(system, [name]):
            start = time.monotonic()
            wait_until(lambda: name not in parts() and parts().total() == SHARDS, "the other has all", _MOVED_S)
            left = _ticks(pulse) - start
            # One that is ending still is not started again.
            wait_until(lambda: not living(system, [name]), f"{name} has ended", _MOVED_S)
        wait_until(lambda: _answers(health), f"{name} is there again", _MOVED_S)
        start = time.monotonic()
        wait_until(lambda: sorted(parts().values()) == even, "both have their parts again", _MOVED_S)
        came = _ticks(pulse) - start
        return Moves(name, left, came, pulse.silence())


def _ticks(pulse: Pulse) -> float:
    """The moment at which every shard has ticked from now on."""
    now = time.monotonic()
    wait_until(lambda: pulse.all_since(now), "every shard ticks", _MOVED_S)
    return time.monotonic()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:  # not well yet, but there
        return True
    except OSError:
        return False
