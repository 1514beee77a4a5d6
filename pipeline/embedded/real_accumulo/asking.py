"""Whether ZooKeeper and the parts of Accumulo answer: one real question, and a process that is stopped does not answer it."""

import socket

from pipeline.embedded.jvm import HOST
from pipeline.embedded.real_accumulo.install import ZOOKEEPER

# A call of `client:getInstanceId()` in Thrift's compact protocol, which asks for no password: protocol, version 1 and kind
# "call", number 0, the name with its length, and a structure without fields.
_NAME = b"client:getInstanceId"
_CALL = bytes([0x82, 0x21, 0, len(_NAME)]) + _NAME + b"\0"


def answers(part: str, port: int, timeout_s: float = 2.0, host: str = HOST) -> bool:
    """Whether the part of that name, `tserver-2` for instance, answers on its port."""
    return (zookeeper_answers if part == ZOOKEEPER else part_answers)(port, timeout_s, host)


def zookeeper_answers(port: int, timeout_s: float = 2.0, host: str = HOST) -> bool:
    return b"Zookeeper version" in (_ask(port, b"srvr", timeout_s, host) or b"")


def part_answers(port: int, timeout_s: float = 2.0, host: str = HOST) -> bool:
    """Whether a part answers, be it by closing the connection: tablet servers alone know this call."""
    return _ask(port, len(_CALL).to_bytes(4, "big") + _CALL, timeout_s, host) is not None


def _ask(port: int, question: bytes, timeout_s: float, host: str = HOST) -> bytes | None:
    """The beginning of the answer; None when there is none in time."""
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(question)
            return connection.recv(4096)
    except OSError:
        return None
