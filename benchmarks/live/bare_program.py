"""A bare `websockets` server: PORT COUNT. It broadcasts the text on stdin to COUNT clients, as fast as it goes.

As generous as it gets: nothing is read or checked, no client is slow, and it has the event loop that uvicorn has.
"""

import asyncio
import sys
from http import HTTPStatus
from typing import Any

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

FULL = 2**16  # bytes that wait for one client


def probed(connection: ServerConnection, request: Any) -> Any:
    return connection.respond(HTTPStatus.OK, "") if request.path == "/probe" else None


async def main(port: int, count: int, text: str) -> None:
    connections: set[ServerConnection] = set()

    async def joined(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.send(text)
        await connection.wait_closed()

    async with serve(joined, "127.0.0.1", port, compression=None, process_request=probed):
        while len(connections) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        while True:
            broadcast(connections, text)
            await asyncio.sleep(0)
            while any(one.transport.get_write_buffer_size() > FULL for one in connections):  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # else it would fill its memory rather than deliver


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.stdin.readline().strip()))
