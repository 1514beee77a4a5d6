"""Ports: the owner's fixed ones, checked before anything starts, and the chosen ones, kept from start to start."""

import errno
import os
import random
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil

from webui.console.errors import ConsoleError
from webui.console.place import Lock, read_json, write_json

HOST = "127.0.0.1"
# Below the range that kernels take for outgoing connections: a port that is free for a moment, while its process is
# being restarted, must not be lost to one of those.
FREE_RANGE = range(20_000, 32_000)


def is_taken(port: int) -> bool:
    """True when somebody listens on the port on loopback, or it cannot be bound. A port in TIME_WAIT is free."""
    for family, host in ((socket.AF_INET, HOST), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(0.5)
                if probe.connect_ex((host, port)) == 0:
                    return True
        except OSError:
            continue  # no IPv6 here
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return True
            raise
    return False


class Claims:
    """The ports of one system, against every other one of this user; until `release`, or until the process ends.

    Between the choice of a port and the moment at which its server listens lie seconds, and again at each restart of the
    server. Two systems that chose the same one would both take whoever listens for their own, and mix their data.
    """

    def __init__(self) -> None:
        self._locks: list[Lock] = []

    def take(self, port: int) -> bool:
        """False when another system has it."""
        lock = Lock(Path(tempfile.gettempdir()) / f"tickerline-{os.getuid()}" / "ports" / str(port))
        if taken := lock.take():
            self._locks.append(lock)
        return taken

    def release(self) -> None:
        while self._locks:
            self._locks.pop().release()


def listens(pid: int, port: int) -> bool:
    """Whether a process of one's own listens on the port; True where the machine does not tell."""
    try:
        found = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):
        return True
    return any(one.status == psutil.CONN_LISTEN and tuple(one.laddr)[1:] == (port,) for one in found)


def holder(port: int) -> str:
    """Which process listens there, as ' (pid 12, name)', or '' where that is not visible to this user."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,)
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""


def _unclaimed(_port: int) -> bool:
    return True


def check_fixed(wanted: Mapping[str, tuple[int, str]], claim: Callable[[int], bool] = _unclaimed) -> None:
    """`wanted`: setting -> (port, what wants it). Raises ConsoleError that names every port that cannot be had."""
    troubles, seen = [], dict[int, str]()
    for setting, (port, what) in wanted.items():
        if port in seen:
            troubles.append(f"port {port} is wanted twice: change {setting} ({what}) or {seen[port]}")
        elif not claim(port) or is_taken(port):
            troubles.append(
                f"port {port} is taken{holder(port)}; {what} wants it: free it, or set {setting} to another"
            )
        seen.setdefault(port, setting)
    if troubles:
        raise ConsoleError("\n".join(troubles))


class KeptPorts:
    """Ports chosen once by name and taken again at the next start, where they are still free."""

    def __init__(self, path: Path, reserved: set[int], claim: Callable[[int], bool] = _unclaimed) -> None:
        self._path, self._used, self._claim = path, set(reserved), claim
        self._kept = {name: port for name, port in read_json(path).items() if isinstance(port, int)}

    def choose(self, name: str, usual: int | None = None) -> int:
        for port in self._candidates(name, usual):
            if port not in self._used and not is_taken(port) and self._claim(port):
                self._used.add(port)
                self._kept[name] = port
                return port
        raise ConsoleError(f"no free port for {name} between {FREE_RANGE.start} and {FREE_RANGE.stop}")

    def save(self) -> None:
        write_json(self._path, self._kept)

    def _candidates(self, name: str, usual: int | None) -> Iterator[int]:
        if name in self._kept:
            yield self._kept[name]
        if usual is not None:
            yield usual
        taken_by_others = set(self._kept.values())  # theirs, when they run next time
        for port in random.sample(FREE_RANGE, 2_000):
            if port not in taken_by_others:
                yield port
