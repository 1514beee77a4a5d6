"""The hub: every browser gets the newest state, and a slow one holds nothing up and holds nothing back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.webui.browser import Browser
from tests.webui.frames import AT, event, frame, stages, tick, ticks
from webui.dashboard.hub import Hub, Limits, Stored
from webui.dashboard.routing import websockets
from webui.dashboard.window import Window
from webui.metrics import LIVE_LOST, LIVE_STUCK

OWN = ["http://localhost:3000"]
Json = dict[str, Any]


class Channel:
    """A live channel that a test speaks into, and what it keeps."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.snapshot: Json | None = {
            "type": "snapshot", "monitor": "m", "n": 4, "at": AT, "ticks": [tick("AAPL", 4), tick("IBM", 2)], "stages": [],
        }  # fmt: skip
        self.activity = [event(2), event(1)]
        self.reads = 0

    async def messages(self) -> AsyncIterator[bytes]:
        while True:
            item = await self.queue.get()
            if isinstance(item, Exception):
                raise item
            yield item

    def stored(self) -> Stored:
        self.reads += 1
        return self.snapshot, self.activity

    def say(self, *frames: bytes | Exception) -> None:
        for one in frames:
            self.queue.put_nowait(one)


@pytest.fixture
async def channel() -> Channel:
    return Channel()


@pytest.fixture
async def hub(channel: Channel) -> AsyncIterator[Hub]:
    hub = Hub(channel.messages, channel.stored, Limits(clients=4, per_address=2))
    yield hub
    await hub.stop()


async def opened(hub: Hub, query: str = "", peer: str = "10.0.0.9") -> Browser:
    browser = Browser(websockets(hub), OWN, peer, query=query)
    assert await browser.connect()
    return browser


async def begun(hub: Hub, query: str = "", peer: str = "10.0.0.9") -> Browser:
    """A browser that has got its snapshot."""
    browser = await opened(hub, query, peer)
    assert (await browser.frame())["type"] == "snapshot"
    return browser


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 — what is waited for tells nobody
            await asyncio.sleep(0.005)


def said(answer: Json) -> tuple[str, str]:
    assert answer["type"] == "error"
    return answer["field"], answer["rule"]


class TestFrames:
    async def test_a_browser_gets_the_snapshot_and_then_each_frame(self, hub: Hub, channel: Channel) -> None:
        browser = await opened(hub)
        assert await browser.frame() == {
            "type": "snapshot", "epoch": hub.epoch, "seq": 0, "resumed": False, "why": "first", "at": AT,
            "ticks": [tick("AAPL", 4), tick("IBM", 2)], "bars": [], "stages": [], "events": [event(2), event(1)],
        }  # fmt: skip
        for seq, prev, data in (
            (1, 0, ticks(5, tick("AAPL", 5))),
            (2, 0, stages(6)),
            (3, 1, ticks(7, tick("AAPL", 6))),
        ):
            channel.say(data)
            assert await browser.frame() == {"epoch": hub.epoch, "seq": seq, "prev": prev, **json.loads(data)}
        await browser.leave()
        await until(lambda: hub.clients == 0)

    async def test_clients_get_the_topics_and_symbols_that_they_want(self, hub: Hub, channel: Channel) -> None:
        browser = await opened(hub, "topics=ticks,bars&symbols=ibm,META")
        snapshot = await browser.frame()
        assert (snapshot["ticks"], snapshot["events"]) == ([tick("IBM", 2)], [])
        assert said(await browser.frame()) == (
            "symbols", "not seen so far: META; subscribed all the same, since they may come",
        )  # fmt: skip
        channel.say(ticks(5, tick("AAPL", 5)), stages(6), frame("events", 1, event(3), monitor="e"))
        channel.say(ticks(7, tick("AAPL", 6), tick("META", 1)))
        got = await browser.frame()
        assert (got["ticks"], got["seq"], got["prev"]) == ([tick("META", 1)], 4, 1)
        browser.say('{"op": "subscribe", "topics": ["events"], "symbols": null}')
        snapshot = await browser.frame()
        assert (snapshot["why"], snapshot["seq"], snapshot["ticks"]) == ("subscribed", 4, [])
        assert snapshot["events"] == [event(3), event(2), event(1)]
        channel.say(ticks(8, tick("META", 2)), frame("events", 2, event(4), monitor="e"))
        assert (await browser.frame())["events"] == [event(4)]
        await browser.leave()

    async def test_malformed_frames_and_a_broken_channel_are_survived(
        self, hub: Hub, channel: Channel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("webui.dashboard.hub.AGAIN_S", 0.01)
        browser = await begun(hub)
        channel.say(b"nonsense", ConnectionError("gone"), ticks(5, tick("AAPL", 5)))
        assert (await browser.frame())["n"] == 5
        await browser.leave()

    async def test_a_snapshot_that_cannot_be_read_has_what_came_by(self, channel: Channel) -> None:
        def unreachable() -> Stored:
            raise ConnectionError("no Redis")

        hub = Hub(channel.messages, unreachable, Limits(2, 2))
        browser = await opened(hub)
        snapshot = await browser.frame()
        assert (snapshot["at"], snapshot["ticks"], snapshot["events"]) == (None, [], [])
        channel.say(ticks(5, tick("AAPL", 5)))
        await browser.frame()
        late = await opened(hub)
        assert (await late.frame())["ticks"] == [tick("AAPL", 5)]
        await browser.leave()
        await late.leave()
        await hub.stop()

    async def test_what_the_channel_keeps_is_read_once_for_many(self, hub: Hub, channel: Channel) -> None:
        browsers = [await begun(hub, peer=f"10.0.0.{n}") for n in range(4)]
        assert channel.reads == 1
        for browser in browsers:
            await browser.leave()

    async def test_an_older_row_of_the_snapshot_does_not_replace_what_came(self, hub: Hub, channel: Channel) -> None:
        browser = await begun(hub)
        channel.say(ticks(5, tick("AAPL", 9)))
        await browser.frame()
        hub._refreshed_at = float("-inf")
        assert channel.snapshot
        channel.snapshot["ticks"] = [tick("AAPL", 4), tick("IBM", 7)]
        late = await opened(hub)
        assert (await late.frame())["ticks"] == [tick("AAPL", 9), tick("IBM", 7)]
        await browser.leave()
        await late.leave()

    async def test_a_quiet_connection_gets_heartbeats(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("webui.dashboard.hub.BEAT_S", 0.02)
        browser = await begun(hub)
        for _ in range(2):
            beat = await browser.frame()
            assert (beat["type"], beat["epoch"], beat["seq"]) == ("hb", hub.epoch, 0)
            assert beat["at"].endswith("Z")
        await browser.leave()

    async def test_frames_that_got_lost_before_the_hub_are_counted_and_told(self, hub: Hub, channel: Channel) -> None:
        browser = await begun(hub)
        before = LIVE_LOST._value.get()
        channel.say(
            stages(4), ticks(5, tick("AAPL", 5)), stages(9), ticks(10, tick("AAPL", 6)), ticks(11, tick("AAPL", 7))
        )
        # Which types the three had is not known: the next frame of each tells of them.
        assert [(await browser.frame()).get("lost") for _ in range(5)] == [None, None, 3, 3, None]
        assert LIVE_LOST._value.get() - before == 3
        channel.say(ticks(1, tick("AAPL", 8)))  # a monitor that was started anew
        assert "lost" not in await browser.frame()
        await browser.leave()


class TestSlow:
    async def test_a_client_that_does_not_read_gets_the_newest_state_later_and_delays_nobody(
        self, hub: Hub, channel: Channel
    ) -> None:
        slow = await begun(hub, peer="10.0.0.8")
        quick = await begun(hub)
        slow.reads.clear()
        for n in range(5, 1005):
            channel.say(ticks(n, tick("AAPL", n)))
        channel.say(*(frame("events", n, event(n), monitor="e") for n in range(1, 101)))
        last: Json = {"n": 0}
        while last["seq" if last["n"] else "n"] < 1100:
            last = await quick.frame()

        slow.reads.set()
        assert (await slow.frame())["ticks"] == [tick("AAPL", 5)]  # it was taking this one
        got = await slow.frame()
        assert (got["n"], got["seq"], got["prev"], got["skipped"], got["more"]) == (1004, 1000, 1, 998, True)
        assert got["ticks"] == [tick("AAPL", 1004, skipped=998)]
        got = await slow.frame()
        assert (got["seq"], got["prev"], got["skipped"], "more" in got) == (1100, 0, 99, False)
        assert got["events"] == [event(n) for n in range(51, 101)]
        await slow.leave()
        await quick.leave()

    async def test_a_client_that_takes_nothing_is_given_up(
        self, hub: Hub, channel: Channel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("webui.dashboard.hub.BEAT_S", 0.01)
        monkeypatch.setattr("webui.dashboard.hub.PATIENCE_S", 0.05)
        before = LIVE_STUCK._value.get()
        browser, other = await begun(hub), await begun(hub)
        browser.reads.clear()
        channel.say(ticks(5, tick("AAPL", 5)))
        await asyncio.wait_for(browser.connection, 5)
        assert LIVE_STUCK._value.get() - before == 1
        assert hub.clients == 1
        await other.leave()

    async def test_a_connection_that_the_server_has_closed_leaves_and_disturbs_nobody(
        self, hub: Hub, channel: Channel
    ) -> None:
        browser, other = await begun(hub), await begun(hub)
        browser.broken = RuntimeError(
            "unexpected message, after the close"
        )  # as uvicorn says it when pings go unanswered
        channel.say(ticks(5, tick("AAPL", 5)), ticks(6, tick("AAPL", 6)))
        assert [(await other.frame())["n"] for _ in range(2)] == [5, 6]
        assert hub.clients == 1
        await browser.leave()
        await other.leave()

    async def test_an_error_of_ours_ends_the_connection(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        browser = await begun(hub)
        monkeypatch.setattr(hub.state, "snapshot", None)
        browser.say('{"op": "subscribe"}')
        assert (await browser.event())["code"] == 1011
        assert "a live connection failed" in caplog.text
        assert hub.clients == 0
        await browser.leave()


class TestComingBack:
    async def test_a_client_gets_what_it_missed(self, hub: Hub, channel: Channel) -> None:
        browser = await begun(hub, "topics=ticks")
        channel.say(*(ticks(n, tick("AAPL", n)) for n in range(5, 8)), stages(8), ticks(9, tick("IBM", 3)))
        seen = await browser.frame()
        await browser.leave()
        await until(lambda: hub.seq == 5)
        again = await opened(hub, f"topics=ticks&epoch={seen['epoch']}&seq={seen['seq']}")
        assert await again.frame() == {"type": "resumed", "epoch": hub.epoch, "seq": 1, "frames": 3}
        assert [(await again.frame())["seq"] for _ in range(3)] == [2, 3, 5]
        channel.say(ticks(10, tick("IBM", 4)))
        assert (await again.frame())["seq"] == 6
        await again.leave()

    @pytest.mark.parametrize(("epoch", "seq", "why"), [("x", 1, "other process"), ("", 1, "window passed")])
    async def test_or_a_snapshot_that_says_why(self, channel: Channel, epoch: str, seq: int, why: str) -> None:
        hub = Hub(channel.messages, channel.stored, Limits(2, 2), Window(size=100))
        browser = await begun(hub)
        channel.say(*(ticks(n, tick("AAPL", n)) for n in range(5, 8)))
        await until(lambda: hub.seq == 3)
        again = await opened(hub, f"epoch={epoch or hub.epoch}&seq={seq}", "10.0.0.1")
        snapshot = await again.frame()
        assert (snapshot["type"], snapshot["why"], snapshot["seq"]) == ("snapshot", why, 3)
        assert snapshot["ticks"] == [tick("AAPL", 7), tick("IBM", 2)]
        await browser.leave()
        await again.leave()
        await hub.stop()

    async def test_one_that_is_slow_at_it_until_the_window_has_passed_gets_a_snapshot(self, channel: Channel) -> None:
        hub = Hub(channel.messages, channel.stored, Limits(2, 2), Window(size=1000))
        browser = await begun(hub)
        channel.say(ticks(5, tick("AAPL", 5)), ticks(6, tick("AAPL", 6)))
        await until(lambda: hub.seq == 2)
        again = Browser(websockets(hub), OWN, "10.0.0.9", query=f"epoch={hub.epoch}&seq=0")
        again.reads.clear()
        assert await again.connect()
        channel.say(*(ticks(n, tick("AAPL", n)) for n in range(7, 20)))
        await until(lambda: hub.seq == 15)
        again.reads.set()
        kinds = [await again.frame() for _ in range(2)]
        assert [one["type"] for one in kinds] == ["resumed", "snapshot"]
        assert (kinds[1]["why"], kinds[1]["seq"], kinds[1]["ticks"][0]["seq"]) == ("window passed", 15, 19)
        await browser.leave()
        await again.leave()
        await hub.stop()


class TestLimits:
    async def test_a_cancelled_connection_leaves_the_hub(self, hub: Hub) -> None:
        browser = await begun(hub)
        assert hub.clients == 1
        browser.connection.cancel()
        await until(lambda: hub.clients == 0)

    async def test_more_than_the_limit_are_told_to_come_later(self, hub: Hub) -> None:
        browsers = [await begun(hub, peer=peer) for peer in ("10.0.0.1", "10.0.0.1", "10.0.0.2")]
        third = await opened(hub, peer="10.0.0.1")
        refusal = {"type": "websocket.close", "code": 1013, "reason": "too many connections from this address"}
        assert await third.event() == refusal
        browsers.append(await begun(hub, peer="10.0.0.3"))
        fifth = await opened(hub, peer="10.0.0.4")
        assert await fifth.event() == refusal | {"reason": "too many connections"}
        await browsers[0].leave()
        browsers[0] = await begun(hub, peer="10.0.0.1")
        for browser in browsers:
            await browser.leave()

    async def test_a_message_that_is_too_long_ends_the_connection(self, hub: Hub) -> None:
        browser = await begun(hub)
        browser.say("x" * 4096)
        assert said(await browser.frame()) == ("message", "expected JSON")
        browser.say("x" * 4097)
        assert (await browser.event())["code"] == 1009
        await browser.leave()

    async def test_too_many_messages_end_the_connection(self, hub: Hub) -> None:
        browser = await begun(hub)
        for number in range(20):
            browser.say(json.dumps({"op": "ping", "id": number, "t": 1.5}))
            pong = await browser.frame()
            assert (pong["type"], pong["id"], pong["t"], len(pong["at"])) == ("pong", number, 1.5, 24)
        browser.say('{"op": "ping", "id": 21}')
        closed = await browser.event()
        assert (closed["code"], closed["reason"]) == (1008, "expected at most 20 messages in 10 s")
        await browser.leave()

    async def test_a_bad_query_is_told_and_ends_the_connection(self, hub: Hub) -> None:
        browser = await opened(hub, "topics=tocks")
        assert said(await browser.frame())[0] == "topics"
        assert (await browser.event())["code"] == 1008
        await browser.leave()
        assert hub.clients == 0

    async def test_a_bad_message_is_told_and_changes_nothing(self, hub: Hub, channel: Channel) -> None:
        browser = await begun(hub)
        for text, field in (('{"op": "subscribe", "symbols": ["A&B"]}', "symbols"), ('{"op": "close"}', "op")):
            browser.say(text)
            assert said(await browser.frame())[0] == field
        browser.say(data=b"\x00")
        assert said(await browser.frame()) == ("message", "expected JSON")
        channel.say(ticks(5, tick("AAPL", 5)))
        assert (await browser.frame())["n"] == 5
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
