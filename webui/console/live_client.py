"""A client of /ws/live, as docs/asyncapi.yaml describes it: subscribes, comes back without a gap, and says what is missing."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from pipeline.domain.errors import InvalidValue, TickerlineError
from pipeline.domain.frames import TOPICS, Frame
from webui.origins import is_loopback

SILENCE_S = 15.0  # three heartbeats: the connection is dead
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
OPEN_S = 5.0
MAX_FRAME = 64 * 2**20
REFUSED = 1008


class NotReached(TickerlineError):
    """Nothing answered, at the first attempt."""


class Notice(NamedTuple):
    """Something about the connection, in words."""

    words: str


class LiveClient:
    """`symbols` empty: all. One client is for one `follow`."""

    def __init__(self, url: str, topics: Sequence[str], symbols: Sequence[str] = ()) -> None:
        self._url = url
        self._wanted = {"topics": ",".join(topics)} | ({"symbols": ",".join(symbols)} if symbols else {})
        self._whole = not symbols
        self._seen: tuple[str, int] | None = None  # epoch and number to go on from
        self._topics: dict[str, int] = {}  # the newest number of each
        self._failures = 0

    async def follow(self) -> AsyncGenerator[Frame | Notice, None]:
        """Snapshots, frames and notices, for ever. Raises NotReached, and InvalidValue for what the server refuses."""
        while True:
            try:
                async with self._connection() as connection:
                    async for item in self._read(connection):
                        yield item
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else None
                if code == REFUSED:
                    raise InvalidValue("subscription", closed.rcvd.reason if closed.rcvd else "") from None
                why = f"closed with {code}" if code else "lost"
            except (OSError, InvalidHandshake, TimeoutError) as error:
                if self._seen is None and not self._failures:
                    raise NotReached(f"{self._url}: {_words(error)}") from None
                why = _words(error)
            except InvalidURI:
                raise InvalidValue("url", "expected one like ws://127.0.0.1:3000/ws/live") from None
            wait_s = random.uniform(0.1, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**self._failures))  # noqa: S311
            self._failures = min(self._failures + 1, 10)
            yield Notice(f"the connection is {why}; trying again in {wait_s:.1f} s")
            await asyncio.sleep(wait_s)

    def _connection(self) -> connect:
        seen = {"epoch": self._seen[0], "seq": str(self._seen[1])} if self._seen else {}
        local = is_loopback(urlsplit(self._url).hostname or "")
        return connect(
            f"{self._url}?{urlencode(self._wanted | seen, safe=',')}", open_timeout=OPEN_S, close_timeout=1,
            max_size=MAX_FRAME, compression=None, proxy=None if local else True,
        )  # fmt: skip

    async def _read(self, connection: ClientConnection) -> AsyncIterator[Frame | Notice]:
        while True:
            async with asyncio.timeout(SILENCE_S):
                frame: Frame = json.loads(await connection.recv())
            for item in self._understood(frame):
                yield item

    def _understood(self, frame: Frame) -> list[Frame | Notice]:
        kind = frame["type"]
        if kind == "error":
            return [Notice(f"{frame['field']}: {frame['rule']}")]
        if "seq" not in frame:
            return []
        found = self._snapshot(frame) if kind == "snapshot" else self._frame(frame) if kind in TOPICS else []
        if kind == "resumed":
            found = [Notice(f"connected again: {frame['frames']} frames were missed and follow")]
        if not frame.get("more"):
            self._seen, self._failures = (frame["epoch"], frame["seq"]), 0
        return found

    def _snapshot(self, frame: Frame) -> list[Frame | Notice]:
        seq: int = frame["seq"]
        self._topics = dict.fromkeys(TOPICS, seq)
        if frame["why"] in ("first", "subscribed"):
            return [frame]
        return [Notice(f"connected again, with a gap: {frame['why']}"), frame]

    def _frame(self, frame: Frame) -> list[Frame | Notice]:
        """Nothing for one that was seen already."""
        kind, last = frame["type"], self._topics.get(frame["type"], 0)
        if frame["seq"] <= last:
            return []
        self._topics[kind] = frame["seq"]
        found: list[Frame | Notice] = []
        # Of some symbols alone, frames without them are left out: then `prev` proves nothing.
        if (self._whole or kind in ("stages", "events")) and frame["prev"] > last:
            found.append(Notice(f"{kind}: frames between {last} and {frame['prev']} did not come"))
        if lost := frame.get("lost"):
            found.append(Notice(f"{kind}: {lost} frames were lost before they reached the web"))
        return [*found, frame]


def _words(error: Any) -> str:
    if isinstance(error, TimeoutError):
        return "silent"
    return str(error) or type(error).__name__
