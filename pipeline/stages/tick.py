"""Stage 5, tick: about ten times a second a batch for every shard whose lease this driver holds.

1. Send what is due, small batches of all shards in one message; at 20 unconfirmed batches a shard waits (late, never skipped).
2. Keep the leases. A shard that was gained is taken: new epoch, the plan from the table's watermark on.
3. Read what the table has confirmed. What stays unconfirmed for 3 s is sent again, the same bytes.
"""

from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.rules import TickRules
from pipeline.ports.batch_link import BatchLink
from pipeline.ports.clock import Clock
from pipeline.ports.lease import Leases
from pipeline.ports.plan_store import PlanStore
from pipeline.ports.watermarks import Watermarks
from pipeline.stages.ahead import BarsAhead, ScoreAhead
from pipeline.stages.meter import Meter
from pipeline.stages.opening import SessionWatch
from pipeline.stages.player import Player
from pipeline.stages.share import Share

_IDLE_S = 0.1
_AT_ONCE = 2_000  # ticks: so many are sent before more are made
_LATE_S = 1.0  # worth a word


class Tick:
    def __init__(
        self, plan: PlanStore, watch: SessionWatch, ahead: BarsAhead, scores: ScoreAhead, leases: Leases,
        watermarks: Watermarks, link: BatchLink, clock: Clock, rules: TickRules, meter: Meter, holder: str,
    ) -> None:  # fmt: skip
        self._plan, self._watch, self._ahead, self._scores = plan, watch, ahead, scores
        self._watermarks, self._link = watermarks, link
        self._share = Share(leases, "tick", holder, rules)
        self._clock, self._rules, self._meter = clock, rules, meter
        self._players: dict[int, Player] = {}
        self._made: list[tuple[Player, Batch]] = []  # to be sent
        self._held_until = 0.0
        self._poll_at = 0.0
        self._stuck: dict[int, tuple[Position, float]] = {}  # shards with a full window: its first batch, since when

    def step(self) -> float:
        """Do what is due; returns the seconds until there is more to do. Raises Unavailable; call it again then."""
        now = self._clock.monotonic()
        failed, due_at = None, now
        lapsed = now >= self._held_until
        try:  # first: a beat must not wait for Redis' answers
            if not lapsed:
                due_at = self._clock.monotonic() + self._send_due()
        except Unavailable as error:
            failed = error  # no reason to lose the leases as well
        if lapsed or now >= self._poll_at:
            self._poll_at = now + self._rules.lease_poll_s
            self._poll()
            self._measure()
            due_at = now  # what was gained may be due
        self._confirm()
        if failed:
            raise failed
        self._report()
        return max(0.0, min(due_at, self._poll_at) - self._clock.monotonic())

    def release(self) -> None:
        """Give the leases back, so that another driver goes on at once."""
        self._players.clear()
        self._share.release()

    def _poll(self) -> None:
        asked = self._clock.monotonic()
        lapsed = asked >= self._held_until
        self._held_until = 0.0  # an answer that is lost may have taken anew what others had meanwhile
        held, gained = self._share.keep()
        for shard, player in list(self._players.items()):
            # Whoever had a shard meanwhile has taken its next epoch.
            doubtful = lapsed or shard in gained
            if shard not in held or (doubtful and self._plan.epoch(shard) != player.epoch):
                del self._players[shard]
        # Counted from before the question, less a margin: this driver stops before anybody else can start.
        self._held_until = asked + self._rules.lease_ms / 1000 - 0.5
        if self._watch.session is None:
            return
        watermarks = self._watermarks.confirmed([s for s in held if s not in self._players])
        for shard, watermark in list(watermarks.items())[:1]:
            # One at a time: its plan may be large, and the others' beats are due.
            player = Player(shard, self._plan, self._ahead, self._scores, self._clock, self._rules)
            player.take(watermark)
            self._players[shard] = player
        if len(watermarks) > 1:
            self._poll_at = asked

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
                player.next_due = None
                break
            leg, beat = target
            due = player.next_due = player.due(leg, beat)
            late = self._clock.monotonic() - due
            if late < 0:
                return -late
            batch = player.make(leg, beat)
            player.sent(batch)
            player.next_due = player.due(leg, batch.position.beat + 1)
            self._made.append((player, batch))
            self._meter.count(batch.n)
            self._meter.latency(late)
        return _IDLE_S

    def _enough(self) -> bool:
        return sum(batch.n for _, batch in self._made) >= _AT_ONCE

    def _send_made(self) -> None:
        made, self._made = self._made, []
        if not made:
            return
        try:
            self._link.send([batch for _, batch in made])
        except Unavailable:
            for player, _ in made:
                player.not_sent()
            raise

    def _report(self) -> None:
        playing = [p for p in self._players.values() if p.leg]
        paused = playing and all(p.leg and p.leg.paused for p in playing)
        late, waiting = self._late(), self._waiting()
        self._meter.gauge("late_ms", round(1000 * late, 1))
        self._meter.gauge("shards_waiting", len(waiting))
        if self._watch.session is None:
            self._meter.waiting(self._watch.why_none)
        elif waiting:
            shards = ", ".join(map(str, sorted(waiting)))
            self._meter.failing(
                f"{late:.0f} s late: the receiver has confirmed nothing of shard {shards} for {max(waiting.values()):.0f} s"
            )
        elif not self._players:
            self._meter.ok("stand-by: another driver has the shards, or no receiver has reported yet")
        elif not playing:
            self._meter.waiting("no symbol on this driver's shards")
        elif paused:
            self._meter.ok("the stream is paused or stopped")
        elif late > _LATE_S:
            self._meter.ok(f"{late:.1f} s late: more is planned than gets through")
        else:
            self._meter.ok()

    def _late(self) -> float:
        """Seconds that the latest shard is behind its plan."""
        now = self._clock.monotonic()
        return max([0.0, *(now - p.next_due for p in self._players.values() if p.next_due is not None)])

    def _waiting(self) -> dict[int, float]:
        """The shards whose window is full and of which nothing is confirmed any more, and for how many seconds."""
        now = self._clock.monotonic()
        full = {s: p.unconfirmed[0].batch.position for s, p in self._players.items() if self._is_full(p)}
        before = self._stuck
        self._stuck = {s: (at, before[s][1] if s in before and before[s][0] == at else now) for s, at in full.items()}
        return {s: now - since for s, (_, since) in self._stuck.items() if now - since >= _LATE_S}

    def _is_full(self, player: Player) -> bool:
        return len(player.unconfirmed) >= self._rules.window

    def _measure(self) -> None:
        """What changes slowly, with each poll."""
        players, now = self._players, self._clock.monotonic()
        made = [p.unconfirmed[0].batch.made_at for p in players.values() if p.unconfirmed]
        lag_s = self._clock.now().timestamp() - min(made) if made else 0.0
        self._meter.gauge("shards", len(players))
        self._meter.gauge("unconfirmed", sum(len(p.unconfirmed) for p in players.values()))
        self._meter.gauge("lag_ms", round(1000 * max(0.0, lag_s), 1))
        self._meter.by_shard("held", dict.fromkeys(players, 1))
        self._meter.by_shard("epoch", {shard: player.epoch for shard, player in players.items()})
        self._meter.by_shard("waiting_s", {shard: round(now - since, 1) for shard, (_, since) in self._stuck.items()})
