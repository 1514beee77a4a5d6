"""The hub as uvicorn serves it over TCP, with `manage.py watch` and rude clients at the other end."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from pipeline.domain.errors import InvalidValue
from tests.webui.frames import tick, ticks
from tests.webui.test_hub import Channel, until
from tests.webui.test_served import frames_to_the_end
from webui.console import watching
from webui.console.live_client import LiveClient, Notice, NotReached
from webui.console.watching import Shown, line
from webui.dashboard.hub import Hub, Limits
from webui.dashboard.routing import websockets

TICK = tick("AAPL", 17) | {
    "price": 188.3201, "size": 100, "event_time": "2026-11-20T22:00:01.300Z", "change": -0.12, "change_percent": -0.06,
}  # fmt: skip


class Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def cut(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class Served:
    def __init__(self, hub: Hub, channel: Channel, server: Server, port: int) -> None:
        self.hub, self.channel, self.server, self.url = hub, channel, server, f"ws://127.0.0.1:{port}/ws/live"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    channel = Channel()
    channel.snapshot = None
    hub = Hub(channel.messages, channel.stored, Limits(5, 5))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(
            uvicorn.Config(websockets(hub), lifespan="off", log_level="critical", timeout_graceful_shutdown=1)
        )
        serving = asyncio.create_task(server.serve([listening]))
        yield Served(hub, channel, server, listening.getsockname()[1])
        server.should_exit = True
        await serving
    await hub.stop()


async def test_the_client_comes_back_where_it_was_cut(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webui.console.live_client.FIRST_WAIT_S", 0.2)
    async with aclosing(LiveClient(served.url, ["ticks"]).follow()) as items:
        first = await anext(items)
        assert isinstance(first, dict)
        assert (first["type"], first["why"]) == ("snapshot", "first")
        served.channel.say(ticks(1, tick("AAPL", 1)))
        assert (await anext(items))["ticks"] == [tick("AAPL", 1)]  # type: ignore[call-overload]
        served.server.cut()
        await until(lambda: served.hub.clients == 0)
        served.channel.say(ticks(2, tick("AAPL", 2)), ticks(3, tick("AAPL", 3)))
        await until(lambda: served.hub.seq == 3)
        notices = [await anext(items), await anext(items)]
        assert all(isinstance(notice, Notice) for notice in notices)
        assert notices[1] == Notice("connected again: 2 frames were missed and follow")
        assert [(await anext(items))["n"] for _ in range(2)] == [2, 3]  # type: ignore[call-overload]


async def test_what_the_server_refuses_is_an_error_and_so_is_silence_at_the_start(served: Served) -> None:
    async with aclosing(LiveClient(served.url, ["tocks"]).follow()) as items:
        assert isinstance(await anext(items), Notice)
        with pytest.raises(InvalidValue, match="topics: expected some of"):
            await anext(items)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    async with aclosing(LiveClient(f"ws://127.0.0.1:{port}/ws/live", ["ticks"]).follow()) as items:
        with pytest.raises(NotReached):
            await anext(items)


async def test_gaps_repeats_and_losses_are_told() -> None:
    client = LiveClient("ws://localhost", ["ticks"])

    def said(**frame: Any) -> list[str]:
        got = client._understood({"type": "ticks", "epoch": "e", "ticks": [], **frame})
        return [item.words if isinstance(item, Notice) else "frame" for item in got]

    snapshot = {"type": "snapshot", "epoch": "e", "seq": 4, "why": "window passed"}
    assert client._understood(snapshot) == [Notice("connected again, with a gap: window passed"), snapshot]
    assert said(seq=4, prev=2) == []
    assert said(seq=6, prev=3) == ["frame"]
    assert said(seq=9, prev=8, lost=2) == [
        "ticks: frames between 6 and 8 did not come", "ticks: 2 frames were lost before they reached the web", "frame",
    ]  # fmt: skip
    assert client._understood({"type": "error", "field": "symbols", "rule": "no"}) == [Notice("symbols: no")]


async def test_who_takes_nothing_is_closed_and_its_connection_cut(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.dashboard.hub.BEAT_S", 0.05)
    monkeypatch.setattr("webui.dashboard.hub.PATIENCE_S", 0.2)
    async with (
        connect(served.url, max_queue=1, close_timeout=0.1, compression=None) as rude,
        connect(served.url, close_timeout=0.1, compression=None) as other,
    ):
        await other.recv()
        n = 0
        while served.hub.clients == 2:  # its buffers, and the kernel's, are filled until a frame waits too long
            n += 1
            served.channel.say(ticks(n, *(tick(f"S{k}", n) for k in range(1000))))
            await asyncio.wait_for(other.recv(), 5)
        with pytest.raises(ConnectionClosedError):
            await asyncio.wait_for(frames_to_the_end(rude), 5)
        assert (rude.close_code, rude.close_reason) == (1013, "frames were not taken")


async def test_one_that_never_reads_again_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webui.dashboard.hub.BEAT_S", 0.05)
    monkeypatch.setattr("webui.dashboard.hub.PATIENCE_S", 0.2)
    monkeypatch.setattr("webui.dashboard.consumers.FLUSH_S", 0.2)
    async with connect(served.url, max_queue=1, close_timeout=0.1, compression=None) as rude:
        await rude.recv()
        await until(lambda: len(served.server.server_state.connections) == 1)
        n = 0
        while served.hub.clients:
            n += 1
            served.channel.say(ticks(n, *(tick(f"S{k}", n) for k in range(1000))))
            await asyncio.sleep(0.002)
        await until(lambda: not served.server.server_state.connections)


class TestLines:
    def test_a_line_has_the_tick_and_what_lies_between(self) -> None:
        assert line(TICK | {"skipped": 2}, 3) == (
            "2026-11-20T22:00:01.300Z  AAPL         188.3201       -0.1200 -0.06 %        100  #17  (2 skipped, 1 missing)"
        )
        assert line(TICK | {"change": None}, 0).endswith("100  #17")

    def test_each_tick_is_printed_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        shown = Shown(as_json=True)
        for seqs in ((17,), (17, 19), (18,)):
            shown.show({"ticks": [TICK | {"seq": seq} for seq in seqs]})
        printed = capsys.readouterr().out.splitlines()
        assert [json.loads(text)["seq"] for text in printed] == [17, 19]

    def test_what_is_between_two_lines_of_a_session_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        shown = Shown(as_json=False)
        for seq, skipped, session in ((17, 4, "a"), (20, 1, "a"), (3, 2, "b")):
            shown.show({"ticks": [TICK | {"seq": seq, "skipped": skipped, "session": session}]})
        assert [text.partition("#")[2] for text in capsys.readouterr().out.splitlines()] == [
            "17", "20  (1 skipped, 1 missing)", "3",
        ]  # fmt: skip

    def test_wrong_usage_and_nothing_there_have_their_exit_codes(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert watching.run(["A&B"], None, as_json=False) == 2
        assert watching.run([], "http://localhost", as_json=False) == 2
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        assert watching.run([], f"ws://127.0.0.1:{port}/ws/live", as_json=False) == 1
        assert "is the system running?" in capsys.readouterr().err
