"""Several hosts on one machine: each has a network namespace, a mount namespace, and a data directory that no other one sees.

The test's own process is the host of the servers: `make test-hosts` runs it in namespaces of its own, so that all ends with it.
Every host reaches the servers at the addresses that they have for themselves, on loopback: its kernel leads those ports over the
wire, to the servers' host, where a proxy that can fail takes them in.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.servers import ROOT

SERVERS_IP = "10.77.0.1"
_NET = "10.77.0"
_IN_OWN_DATA = 'mount --bind "$0" "$1" && shift && exec "$@"'  # of the mount namespace that `ip netns exec` makes


def alone() -> bool:
    """Whether this process is in a network namespace with nothing in it yet, as `make test-hosts` starts it."""
    return os.geteuid() == 0 and [name for _, name in socket.if_nameindex()] == ["lo"]


def _do(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr or done.stdout}"


def wire() -> None:
    """The servers' host, and the switch that all hosts hang on. Raises AssertionError where the kernel has no such thing."""
    _do("mkdir", "-p", "/run/netns")
    _do("mount", "-t", "tmpfs", "none", "/run/netns")  # names of ours alone
    _do("ip", "link", "set", "lo", "up")
    _do("ip", "link", "add", "switch", "type", "bridge")
    _do("ip", "address", "add", f"{SERVERS_IP}/24", "dev", "switch")
    _do("ip", "link", "set", "switch", "up")


@dataclass
class Host:
    """`number` is the last part of its address. `seen`: the path at which every host sees its own data directory."""

    name: str
    number: int
    roles: Sequence[str]
    base: Path
    ports: Sequence[int]  # of the servers
    processes: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def ip(self) -> str:
        return f"{_NET}.{self.number}"

    @property
    def data(self) -> Path:
        return self.base / self.name

    @property
    def seen(self) -> Path:
        return self.base / "data"

    def make(self) -> None:
        for directory in (self.data / "tmp", self.data / "log", self.seen):
            directory.mkdir(parents=True, exist_ok=True)
        _do("ip", "netns", "add", self.name)
        _do("ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _do("ip", "link", "set", self.name, "master", "switch", "up")
        self._in("ip", "link", "set", "lo", "up")
        self._in("ip", "address", "add", f"{self.ip}/24", "dev", "eth0")
        self._in("ip", "link", "set", "eth0", "up")
        self._in("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")  # loopback's addresses may leave by the wire
        self._in("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "eth0", "-j", "MASQUERADE")
        for port in self.ports:
            self._in("iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-d", "127.0.0.1", "--dport", str(port),
                     "-j", "DNAT", "--to-destination", SERVERS_IP)  # fmt: skip

    def _in(self, *words: str) -> None:
        _do("ip", "netns", "exec", self.name, *words)

    def command(self, *words: str) -> list[str]:
        own = ["sh", "-c", _IN_OWN_DATA, str(self.data), str(self.seen)]
        return ["ip", "netns", "exec", self.name, *own, *words]

    def environment(self, shared: Mapping[str, str]) -> dict[str, str]:
        more = {"TICKERLINE_BIND": self.ip, "TICKERLINE_DATA": str(self.seen), "TMPDIR": str(self.seen / "tmp")}
        return {**shared, **more}

    def run(self, shared: Mapping[str, str], *words: str) -> None:
        done = subprocess.run(
            self.command(sys.executable, *words), cwd=ROOT, env=self.environment(shared), capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def start(self, shared: Mapping[str, str]) -> None:
        """Its roles, as the template's user data starts them."""
        for role in self.roles:
            with (self.data / "log" / f"{role}.log").open("ab") as log:
                self.processes[role] = subprocess.Popen(
                    self.command(sys.executable, "-m", "webui.console.role", role),
                    cwd=ROOT, env=self.environment(shared), stdout=log, stderr=log,
                )  # fmt: skip

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @contextmanager
    def cut(self, port: int) -> Iterator[None]:
        """No packet to or from this port of the servers' host comes through; nobody is told."""
        rules = [
            ["OUTPUT", "-p", "tcp", "-d", SERVERS_IP, "--dport", str(port), "-j", "DROP"],
            ["INPUT", "-p", "tcp", "-s", SERVERS_IP, "--sport", str(port), "-j", "DROP"],
        ]
        for rule in rules:
            self._in("iptables", "-A", *rule)
        try:
            yield
        finally:
            for rule in rules:
                self._in("iptables", "-D", *rule)
