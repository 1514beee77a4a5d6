"""Stage 5, tick: about ten times a second a batch for every shard whose lease this driver holds.

1. Keep the leases. A shard that was gained is taken: new epoch, the plan from the table's watermark on.
2. Read what the table has confirmed; at 20 unconfirmed batches a shard waits (late, never skipped).
3. Send what is due, the small batches of all shards in one message. What stays unconfirmed for 3 s is sent again, the same bytes.
"""

from pipeline.domain.batches import Batch
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.rules import TickRules
from pipeline.ports.bar_store import BarStore
from pipeline.ports.batch_link import BatchLink
from pipeline.ports.clock import Clock
from pipeline.ports.lease import Leases
from pipeline.ports.plan_store import PlanStore
from pipeline.ports.watermarks import Watermarks
from pipeline.stages.meter import Meter
from pipeline.stages.opening import SessionWatch
from pipeline.stages.player import Player
from pipeline.stages.share import Share

_IDLE_S = 0.1
_AT_ONCE = 2_000  # ticks: so many are sent before more are made


class Tick:
    def __init__(
        self, plan: PlanStore, watch: SessionWatch, bars: BarStore, leases: Leases, watermarks: Watermarks,
        link: BatchLink, clock: Clock, rules: TickRules, meter: Meter, holder: str,
    ) -> None:  # fmt: skip
        self._plan, self._watch, self._bars = plan, watch, bars
        self._watermarks, self._link = watermarks, link
        self._share = Share(leases, "tick", holder, rules)
        self._clock, self._rules, self._meter = clock, rules, meter
        self._players: dict[int, Player] = {}
        self._made: list[tuple[Player, Batch, float]] = []  # to be sent, with how late each is in seconds
        self._held_until = 0.0
        self._poll_at = 0.0

    def step(self) -> float:
        """Do what is due; returns the seconds until there is more to do. Raises Unavailable; call it again then."""
        now = self._clock.monotonic()
        if now >= self._held_until:
            self._players.clear()  # somebody else may have had the shards meanwhile
        if now >= self._poll_at:
            self._poll_at = now + self._rules.lease_poll_s
            self._poll()
        self._confirm()
        if self._clock.monotonic() >= self._held_until:
            self._players.clear()
            raise Unavailable("the shards' leases could not be kept")
        wait = self._send_due()
        self._report()
        return max(0.0, min(wait, self._poll_at - self._clock.monotonic(), _IDLE_S))

    def release(self) -> None:
        """Give the leases back, so that another driver goes on at once."""
        self._players.clear()
        self._share.release()

    def _poll(self) -> None:
        asked = self._clock.monotonic()
        held = self._share.keep()
        # Counted from before the question, less a margin: this driver stops before anybody else can start.
        self._held_until = asked + self._rules.lease_ms / 1000 - 0.5
        for shard in set(self._players) - held:
            del self._players[shard]
        if self._watch.session is None:
            return
        watermarks = self._watermarks.confirmed([s for s in held if s not in self._players])
        for shard, watermark in watermarks.items():
            player = Player(shard, self._plan, self._bars, self._clock, self._rules)
            player.take(watermark)
            self._players[shard] = player

    def _confirm(self) -> None:
        for shard, watermark in self._watermarks.confirmed(list(self._players)).items():
            self._players[shard].confirmed(watermark)
        for player in self._players.values():
            self._send_again(player)

    def _send_again(self, player: Player) -> None:
        """Batches that were lost on the way (Redis emptied, a receiver killed) are sent again; a mere backlog is not."""
        now, gap = self._clock.monotonic(), self._rules.gap_s
        if not player.unconfirmed or now - max(player.unconfirmed[0].at, player.resent_at) < gap:
            return
        if self._link.depth() < self._rules.window:
            self._link.send([sent.batch for sent in player.unconfirmed])
            self._meter.add("sent_again", len(player.unconfirmed))
        player.resent_at = now

    def _send_due(self) -> float:
        """Send every batch that is due, each shard's within its window; returns the seconds until the next one is."""
        wait, failed = _IDLE_S, None
        for shard, player in list(self._players.items()):
            try:
                wait = min(wait, self._make_due(player))
            except Fenced:
                # Another driver has a newer epoch: what this one holds of the shard is stale.
                del self._players[shard]
            except Unavailable as error:
                failed = error  # one shard's trouble is not the others'
            if self._enough():
                self._send_made()
        self._send_made()
        if failed:
            raise failed
        return wait

    def _make_due(self, player: Player) -> float:
        while self._watch.session and len(player.unconfirmed) < self._rules.window:
            if self._enough():
                return 0.0
            target = player.next_beat(self._watch.session)
            if target is None:
                break
            late = self._clock.monotonic() - player.due(*target)
            if late < 0:
                return -late
            batch = player.make(*target)
            player.sent(batch)
            self._made.append((player, batch, late))
        return _IDLE_S

    def _enough(self) -> bool:
        return sum(batch.n for _, batch, _ in self._made) >= _AT_ONCE

    def _send_made(self) -> None:
        made, self._made = self._made, []
        if not made:
            return
        try:
            self._link.send([batch for _, batch, _ in made])
        except Unavailable:
            for player, _, _ in made:
                player.not_sent()
            raise
        self._meter.count(sum(batch.n for _, batch, _ in made))
        for _, _, late in made:
            self._meter.latency(late)

    def _report(self) -> None:
        waiting = [p for p in self._players.values() if len(p.unconfirmed) >= self._rules.window]
        playing = [p for p in self._players.values() if p.leg]
        paused = playing and all(p.leg and p.leg.paused for p in playing)
        self._meter.gauge("shards", len(self._players))
        self._meter.gauge("unconfirmed", sum(len(p.unconfirmed) for p in self._players.values()))
        if self._watch.session is None:
            self._meter.waiting("no session: fewer symbols are ready than a session needs")
        elif waiting:
            self._meter.failing(f"{len(waiting)} shards wait for the receiver to confirm their batches")
        elif not self._players:
            self._meter.ok("stand-by: another driver has the shards, or no receiver has reported yet")
        elif not playing:
            self._meter.waiting("no symbol on this driver's shards")
        elif paused:
            self._meter.ok("the stream is paused or stopped")
        else:
            self._meter.ok()
