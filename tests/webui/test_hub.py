"""The hub: every browser gets the newest state, and a slow one holds nothing up and holds nothing back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.webui.browser import Browser
from webui.dashboard.hub import Hub
from webui.dashboard.routing import websockets
from webui.dashboard.slot import Slot, folded, parsed

OWN = ["http://localhost:3000"]


def tick(symbol: str, seq: int, skipped: int = 0) -> dict[str, Any]:
    return {"symbol": symbol, "seq": seq, "price": 1.5, "skipped": skipped}


def ticks(n: int, *rows: dict[str, Any], monitor: str = "m") -> bytes:
    return json.dumps({"type": "ticks", "monitor": monitor, "n": n, "at": "", "ticks": rows}).encode()


def stages(n: int) -> bytes:
    return json.dumps({"type": "stages", "monitor": "m", "n": n, "at": "", "stages": [{"stage": "tick"}]}).encode()


def taken(*frames: bytes) -> list[dict[str, Any]]:
    slot = Slot()
    for frame in frames:
        message = parsed(frame)
        assert message is not None
        slot.put(message)
    return [json.loads(text) for text in slot.take()]


class TestSlot:
    def test_a_frame_that_is_taken_in_time_is_the_very_text_that_came(self) -> None:
        data = ticks(1, tick("AAPL", 1))
        message = parsed(data)
        assert message is not None
        slot = Slot()
        assert not slot.put(message)
        assert slot.take() == [data.decode()]
        assert slot.take() == []

    def test_frames_not_taken_fold_into_each_symbols_newest_tick_with_a_count(self) -> None:
        (frame,) = taken(
            ticks(1, tick("AAPL", 1), tick("IBM", 1)),
            ticks(2, tick("AAPL", 3, skipped=1)),
            ticks(3, tick("AAPL", 4), tick("META", 9)),
        )
        assert (frame["n"], frame["skipped"]) == (3, 2)
        assert {t["symbol"]: (t["seq"], t["skipped"]) for t in frame["ticks"]} == {
            "AAPL": (4, 3),
            "IBM": (1, 0),
            "META": (9, 0),
        }

    def test_every_tick_is_shown_or_counted(self) -> None:
        (frame,) = taken(*(ticks(n, tick("AAPL", n)) for n in range(1, 101)))
        (only,) = frame["ticks"]
        assert only["seq"] == 1 + only["skipped"] == 100

    def test_bars_fold_by_symbol_and_interval(self) -> None:
        def bars(n: int, *rows: tuple[str, str, int]) -> bytes:
            found = [{"symbol": symbol, "interval": interval, "first_seq": seq} for symbol, interval, seq in rows]
            return json.dumps({"type": "bars", "monitor": "m-bars", "n": n, "at": "", "bars": found}).encode()

        (frame,) = taken(
            bars(1, ("IBM", "1s", 1), ("IBM", "1min", 1)), bars(2, ("IBM", "1s", 11)), bars(3, ("IBM", "1s", 21))
        )
        assert (frame["type"], frame["n"], frame["skipped"]) == ("bars", 3, 2)
        assert {(bar["interval"], bar["first_seq"], bar.get("skipped", 0)) for bar in frame["bars"]} == {
            ("1s", 21, 2),
            ("1min", 1, 0),
        }

    def test_stages_and_ticks_wait_side_by_side(self) -> None:
        frames = taken(stages(1), ticks(2, tick("AAPL", 1)), stages(3), stages(4))
        assert [(f["type"], f["n"], f.get("skipped", 0)) for f in frames] == [("stages", 4, 2), ("ticks", 2, 0)]

    def test_what_the_snapshot_holds_already_is_forgotten(self) -> None:
        slot = Slot()
        for data in (ticks(5, tick("AAPL", 5)), stages(8)):
            message = parsed(data)
            assert message is not None
            slot.put(message)
        slot.forget("another monitor", 99)
        slot.forget("m", 7)
        assert [json.loads(text)["n"] for text in slot.take()] == [8]

    def test_folding_changes_neither_frame(self) -> None:
        old, new = parsed(ticks(1, tick("AAPL", 1))), parsed(ticks(2, tick("AAPL", 2)))
        assert old is not None
        assert new is not None
        folded(old, new)
        assert new.frame["ticks"][0]["skipped"] == 0

    @pytest.mark.parametrize(
        "data",
        [b"", b"\xff", b"[]", b"{}", b"17", b'{"type": "ticks"}', b'{"type": "snapshot", "snapshot": []}',
         b'{"type": "ticks", "monitor": "m", "n": 1, "ticks": [1]}', b'{"type": "ticks", "monitor": "m", "n": 1, "ticks": [{}]}',
         b'{"type": ["ticks"]}', b'{"type": "bars", "monitor": "m", "n": 1, "bars": [{"symbol": "A"}]}', b"[" * 100_000],
    )  # fmt: skip
    def test_what_is_no_frame_is_dropped(self, data: bytes) -> None:
        assert parsed(data) is None


class Channel:
    """A live channel that a test speaks into."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | Exception] = asyncio.Queue()

    async def messages(self) -> AsyncIterator[bytes]:
        while True:
            item = await self.queue.get()
            if isinstance(item, Exception):
                raise item
            yield item


@pytest.fixture
async def channel() -> Channel:
    return Channel()


@pytest.fixture
async def hub(channel: Channel) -> AsyncIterator[Hub]:
    snapshot = {"type": "snapshot", "monitor": "m", "n": 4, "at": "", "ticks": [tick("AAPL", 4)], "stages": []}
    hub = Hub(channel.messages, lambda: snapshot, max_clients=2)
    yield hub
    await hub.stop()


async def opened(hub: Hub) -> Browser:
    browser = Browser(websockets(hub), OWN, "10.0.0.9")
    assert await browser.connect()
    return browser


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 — what is waited for tells nobody
            await asyncio.sleep(0.005)


async def test_a_browser_gets_the_snapshot_and_then_each_frame(hub: Hub, channel: Channel) -> None:
    browser = await opened(hub)
    assert (await browser.frame())["type"] == "snapshot"
    for n in (5, 6):
        channel.queue.put_nowait(ticks(n, tick("AAPL", n)))
        assert await browser.frame() == json.loads(ticks(n, tick("AAPL", n)))
    await browser.leave()
    await until(lambda: hub.clients == 0)


async def test_malformed_frames_and_a_broken_channel_are_survived(
    hub: Hub, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.dashboard.hub.AGAIN_S", 0.01)
    browser = await opened(hub)
    await browser.frame()
    for item in (b"nonsense", ConnectionError("gone"), ticks(5, tick("AAPL", 5))):
        channel.queue.put_nowait(item)
    assert (await browser.frame())["n"] == 5
    await browser.leave()


async def test_a_snapshot_that_cannot_be_read_is_an_empty_one(channel: Channel) -> None:
    def unreachable() -> None:
        raise ConnectionError("no Redis")

    hub = Hub(channel.messages, unreachable)
    browser = await opened(hub)
    assert await browser.frame() == {
        "type": "snapshot", "monitor": "", "n": 0, "at": None, "ticks": [], "stages": [],
    }  # fmt: skip
    await browser.leave()
    await hub.stop()


async def test_a_quiet_connection_gets_heartbeats(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webui.dashboard.consumers.BEAT_S", 0.02)
    browser = await opened(hub)
    assert (await browser.frame())["type"] == "snapshot"
    for _ in range(2):
        beat = await browser.frame()
        assert beat["type"] == "hb"
        assert beat["at"].endswith("Z")
    await browser.leave()


async def test_a_client_that_does_not_read_gets_the_newest_state_later_and_delays_nobody(
    hub: Hub, channel: Channel
) -> None:
    slow = Browser(websockets(hub), OWN, "10.0.0.8")
    slow.reads.clear()
    assert await slow.connect()
    quick = await opened(hub)
    await quick.frame()
    for n in range(5, 1005):
        channel.queue.put_nowait(ticks(n, tick("AAPL", n)))
    last: dict[str, Any] = {"n": 0}
    while last["n"] < 1004:
        last = await quick.frame()

    slow.reads.set()
    assert (await slow.frame())["type"] == "snapshot"
    frame = await slow.frame()
    assert (frame["n"], frame["skipped"]) == (1004, 999)
    assert frame["ticks"] == [tick("AAPL", 1004, skipped=999)]
    await slow.leave()
    await quick.leave()


async def test_a_cancelled_connection_leaves_the_hub(hub: Hub) -> None:
    browser = await opened(hub)
    assert hub.clients == 1
    browser.connection.cancel()
    await until(lambda: hub.clients == 0)


async def test_more_than_the_limit_are_told_to_come_later(hub: Hub) -> None:
    first, second = await opened(hub), await opened(hub)
    third = await opened(hub)
    assert await third.event() == {
        "type": "websocket.close", "code": 1013, "reason": "too many connections",
    }  # fmt: skip
    for browser in (first, second, third):
        await browser.leave()


async def test_what_a_client_says_is_ignored_unless_it_is_too_long(hub: Hub, channel: Channel) -> None:
    browser = await opened(hub)
    await browser.frame()
    browser.say('{"type": "websocket.close"}')
    browser.say(data=b"\x00" * 4096)
    channel.queue.put_nowait(ticks(5, tick("AAPL", 5)))
    assert (await browser.frame())["n"] == 5
    browser.say("x" * 4097)
    assert (await browser.event())["code"] == 1009
    await browser.leave()


@pytest.mark.parametrize(
    ("origins", "peer", "welcome"),
    [
        (["http://localhost:3000"], "10.0.0.9", True),
        (["http://127.0.0.1:8000"], "10.0.0.9", True),
        (["http://[::1]:3000"], "10.0.0.9", True),
        (["https://ticker.example"], "10.0.0.9", True),
        ([], "127.0.0.1", True),
        ([], "::1", True),
        ([], "10.0.0.9", False),
        ([], "", False),
        (["null"], "127.0.0.1", False),
        ([""], "127.0.0.1", False),
        (["https://evil.example"], "127.0.0.1", False),
        (["https://localhost.evil.example"], "127.0.0.1", False),
        (["https://evil.example#localhost"], "127.0.0.1", False),
        (["https://localhost@evil.example"], "127.0.0.1", False),
        (["https://evil.example:port"], "127.0.0.1", False),
        (["file://localhost"], "127.0.0.1", False),
        (["http://localhost:3000", "https://evil.example"], "127.0.0.1", False),
    ],
)
async def test_who_may_read_is_decided_by_origin_and_peer(
    origins: list[str], peer: str, welcome: bool, hub: Hub, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "ticker.example"]
    browser = Browser(websockets(hub), origins, peer)
    assert await browser.connect() == welcome
    await browser.leave()
    assert hub.clients == 0


async def test_another_path_is_refused(hub: Hub) -> None:
    browser = Browser(websockets(hub), OWN, path="/ws/other")
    assert not await browser.connect()
    await browser.leave()
