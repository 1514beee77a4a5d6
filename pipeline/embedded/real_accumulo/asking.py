"""Whether ZooKeeper and the parts of Accumulo answer: one real question, and a process that is stopped does not answer it."""

import socket

from pipeline.embedded.jvm import HOST

# A call of `client:getInstanceId()` in Thrift's compact protocol, which asks for no password: protocol, version 1 and kind
# "call", number 0, the name with its length, and a structure without fields.
_NAME = b"client:getInstanceId"
_CALL = bytes([0x82, 0x21, 0, len(_NAME)]) + _NAME + b"\0"


def zookeeper_answers(port: int, timeout_s: float = 2.0) -> bool:
    return b"Zookeeper version" in (_ask(port, b"srvr", timeout_s) or b"")


def part_answers(port: int, timeout_s: float = 2.0) -> bool:
    """Whether a manager, a tablet server or a garbage collector answers, be it by closing: tablet servers alone know this call."""
    return _ask(port, len(_CALL).to_bytes(4, "big") + _CALL, timeout_s) is not None


def _ask(port: int, question: bytes, timeout_s: float) -> bytes | None:
    """The beginning of the answer; None when there is none in time."""
    try:
        with socket.create_connection((HOST, port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(question)
            return connection.recv(4096)
    except OSError:
        return None
