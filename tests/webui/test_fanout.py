"""Whatever a client's connection does, it ends where one that was never slow ends, and every tick is shown or counted."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.webui.frames import Applied, bar, event, frame, stages, tick, ticks
from webui.dashboard.client import Client
from webui.dashboard.hub import Hub, Limits
from webui.dashboard.message import parsed
from webui.dashboard.senders import MOST, Senders
from webui.dashboard.subscription import Seen, Subscription
from webui.dashboard.window import Window

SYMBOLS = ("AAPL", "IBM", "META")
ALL = frozenset({"ticks", "bars", "stages", "events"})


async def nothing() -> AsyncIterator[bytes]:
    return
    yield


class Reader:
    """A browser whose connection opens and closes, and is cut."""

    def __init__(self, hub: Hub, wanted: Subscription) -> None:
        self.hub, self.wanted = hub, wanted
        self.applied, self.takes, self.tokens = Applied(), False, 0
        self.changed = asyncio.Event()
        self.resumed = self.snapshots = 0
        self.join()

    def join(self) -> None:
        seen = Seen(*self.applied.resume) if self.applied.resume else None
        self.cut = False
        self.client: Client = self.hub.join(self._taker(), self.wanted, seen, lambda code: None)

    def _taker(self) -> Any:
        connection = object()
        self.connection = connection

        async def send(message: dict[str, Any]) -> None:
            while not (self.takes or self.tokens):
                self.changed.clear()
                await self.changed.wait()
            self.tokens = max(0, self.tokens - 1)
            if self.connection is not connection:
                raise OSError("cut")
            got = json.loads(message["text"])
            self.resumed += got["type"] == "resumed"
            self.snapshots += got["type"] == "snapshot"
            self.applied.apply(got)

        return send

    def take(self, takes: bool, tokens: int = 0) -> None:
        """All from now on, or none but so many."""
        self.takes, self.tokens = takes, tokens
        self.changed.set()

    def cut_and_come_back(self) -> None:
        self.hub.leave(self.client)
        self.join()


class Sender:
    def __init__(self) -> None:
        self.n: Counter[str] = Counter()
        self.seqs: Counter[tuple[str, str]] = Counter()

    def frame(self, kind: str, symbols: list[str]) -> bytes:
        self.n[kind] += 1
        n = self.n[kind]
        if kind == "stages":
            return stages(n)
        if kind == "events":
            return frame("events", n, event(n), monitor="e")
        rows = []
        for symbol in symbols:
            self.seqs[kind, symbol] += 2
            seq = self.seqs[kind, symbol]
            rows.append(tick(symbol, seq, skipped=1) if kind == "ticks" else bar(symbol, "1s", seq))
        return ticks(n, *rows, monitor="t") if kind == "ticks" else frame("bars", n, *rows, monitor="b")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(ALL)), st.lists(st.sampled_from(SYMBOLS), min_size=1, unique=True)),
        st.sampled_from(["open", "close", "one", "turn", "cut"]),
    ),
    max_size=60,
)


T, E = ("ticks", ["IBM"]), ("events", [""])


@settings(max_examples=200, deadline=None)
@example(
    steps=["open", "close", T, T, E, T, "one", "one", "cut"], symbols=None, kept=10**6
)  # cut between two folded frames
@given(
    steps=STEPS,
    symbols=st.none() | st.frozensets(st.sampled_from(SYMBOLS), min_size=1),
    kept=st.sampled_from([500, 10**6]),
)
def test_a_slow_or_cut_client_ends_where_one_that_was_neither_ends(
    steps: list[Any], symbols: frozenset[str] | None, kept: int
) -> None:
    asyncio.run(_play(steps, symbols, kept))


async def _play(steps: list[Any], symbols: frozenset[str] | None, kept: int) -> None:
    hub, sender, wanted = (
        Hub(nothing, lambda: (None, []), Limits(9, 9), Window(size=kept)),
        Sender(),
        Subscription(ALL, symbols),
    )
    quick, slow = Reader(hub, wanted), Reader(hub, wanted)
    quick.take(True)
    for step in steps:
        if step == "cut":
            slow.cut_and_come_back()
        elif step == "turn":
            await asyncio.sleep(0)
        elif isinstance(step, str):
            slow.take(step == "open", int(step == "one"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        else:
            hub.publish(sender.frame(*step))
    slow.take(True)
    for _ in range(5 * len(steps) + 10):
        await asyncio.sleep(0)
    assert (slow.client.busy_since, quick.client.busy_since) == (None, None)
    for name in ("ticks", "bars", "stages", "events"):
        assert getattr(slow.applied, name) == getattr(quick.applied, name), name
    sent = {symbol: seq for (kind, symbol), seq in sender.seqs.items() if kind == "ticks"}
    assert slow.applied.ticks == {symbol: seq for symbol, seq in sent.items() if symbols is None or symbol in symbols}
    assert (quick.applied.missing, slow.applied.missing) == (0, 0)
    if kept > 1000:
        assert slow.snapshots == 1, "the window holds everything"
    hub.leave(quick.client)
    hub.leave(slow.client)


class TestMessage:
    def test_each_row_is_as_it_came(self) -> None:
        message = parsed(ticks(1, tick("AAPL", 1), tick("IBM", 2)))
        assert message is not None
        text = message.text("e", None)
        assert text is not None
        assert json.loads(text)["ticks"] == [tick("AAPL", 1), tick("IBM", 2)]
        assert message.text("e", frozenset({"META"})) is None

    @pytest.mark.parametrize(
        "data",
        [b"", b"\xff", b"[]", b"{}", b"17", b'{"type": "ticks"}', b'{"type": "snapshot", "snapshot": []}',
         b'{"type": "ticks", "monitor": "m", "n": 1, "at": "", "ticks": [1]}',
         b'{"type": "ticks", "monitor": "m", "n": 1, "at": "", "ticks": [{}]}',
         b'{"type": "ticks", "monitor": "m", "n": 1, "at": "", "ticks": [{"symbol": "A", "session": "", "seq": "1"}]}',
         b'{"type": "ticks", "monitor": "m", "n": 1, "ticks": []}', b'{"type": "hb", "monitor": "m", "n": 1, "at": "", "hb": []}',
         b'{"type": "stages", "monitor": "m", "n": true, "at": "", "stages": []}', b'{"type": ["ticks"]}',
         b'{"type": "bars", "monitor": "m", "n": 1, "at": "", "bars": [{"symbol": "A"}]}', b"[" * 100_000],
    )  # fmt: skip
    def test_what_is_no_frame_is_dropped(self, data: bytes) -> None:
        assert parsed(data) is None


class TestWindow:
    def test_it_is_bounded_by_time_and_by_size(self) -> None:
        now = [0.0]
        window = Window(seconds=10, size=1000, monotonic=lambda: now[0])
        for seq in range(1, 101):
            message = parsed(ticks(seq, tick("AAPL", seq)))
            assert message is not None
            message.seq = seq
            window.add(message)
            now[0] += 3
        assert [message.seq for message in window.after(0)] == [97, 98, 99, 100]
        assert [message.seq for message in window.after(98)] == [99, 100]
        assert [window.holds_after(seq, 100) for seq in (95, 96, 100)] == [False, True, True]


class TestSenders:
    def test_each_sender_numbers_its_own(self) -> None:
        senders = Senders()
        assert senders.missing("a", 7, "ticks") == (0, 0)
        assert senders.missing("b", 1, "events") == (0, 0)
        assert senders.missing("a", 10, "ticks") == (2, 2)
        assert senders.missing("b", 2, "events") == (0, 0)
        assert senders.missing("a", 1, "ticks") == (0, 0)

    def test_only_so_many_are_known(self) -> None:
        senders = Senders()
        for name in range(3 * MOST):
            senders.missing(str(name), 1, "ticks")
        assert senders.missing("0", 5, "ticks") == (0, 0)
        assert senders.missing(str(3 * MOST - 1), 5, "ticks") == (3, 3)
