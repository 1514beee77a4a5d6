"""A real Accumulo as processes of this one, for tests and benchmarks: ports and data are kept from start to start."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.embedded.jvm import HOST, JvmError, free_ports
from pipeline.embedded.real_accumulo.asking import part_answers, zookeeper_answers
from pipeline.embedded.real_accumulo.install import GC, MANAGER, TABLET_SERVER, ZOOKEEPER, Installed
from pipeline.embedded.real_accumulo.layout import INSTANCE, USER, Layout

START_S = 90.0
STOP_S = 30.0


class Part:
    """One process of the instance."""

    def __init__(self, name: str, log: Path, port: int, command: list[str], answers: Callable[[int], bool]) -> None:
        self.name, self.log, self.port = name, log, port
        self._command, self._answers = command, answers
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def launch(self) -> None:
        """Returns at once; see `wait`."""
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - the project's own command
                self._command, cwd=self.log.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def wait(self) -> None:
        """Until it answers. Raises JvmError when it does not."""
        deadline = time.monotonic() + START_S
        while not self._answers(self.port):
            if not self.alive or time.monotonic() > deadline:
                self.kill()
                raise JvmError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def start(self) -> None:
        """Returns when it answers. Raises JvmError."""
        self.launch()
        self.wait()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """In order, by SIGTERM; by SIGKILL when that takes too long."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and answers nobody."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT. A tablet server or a manager that lost its lock meanwhile ends by itself."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.alive:
            self.process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self._signal(number)
        self._signal(signal.SIGCONT)  # one that is frozen hears SIGTERM only then
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class RealAccumulo:
    """ZooKeeper, a manager, a garbage collector and tablet servers.

    What a client needs: `instance`, `zookeepers`, `user`, `password`, and `jars`, the directory of its class path.
    """

    instance = INSTANCE
    user = USER

    def __init__(self, directory: Path, installed: Installed, tablet_servers: int = 1) -> None:
        self._layout, self._installed = Layout(directory.absolute()), installed
        zookeeper, manager, gc, *servers = free_ports(3 + tablet_servers)
        layout, logs = self._layout, self._layout.directory / "log"
        command = installed.zookeeper(layout.zookeeper_properties)
        self.zookeeper = Part(ZOOKEEPER, logs / "zookeeper.log", zookeeper, command, zookeeper_answers)
        self.manager = self._part(MANAGER, logs / "manager.log", manager)
        self.gc = self._part(GC, logs / "gc.log", gc)
        self.tablet_servers = [
            self._part(TABLET_SERVER, logs / f"tserver-{number}.log", port) for number, port in enumerate(servers, 1)
        ]

    def _part(self, name: str, log: Path, port: int) -> Part:
        return Part(log.stem, log, port, self._installed.part(name, self._layout.properties, port), part_answers)

    @property
    def zookeepers(self) -> str:
        return f"{HOST}:{self.zookeeper.port}"

    @property
    def password(self) -> str:
        return self._layout.password

    @property
    def jars(self) -> Path:
        return self._installed.jars

    @property
    def parts(self) -> list[Part]:
        """In the order in which they are started."""
        return [self.zookeeper, *self.tablet_servers, self.manager, self.gc]

    def start(self) -> None:
        """Returns when every part answers; tables of before come within seconds after that. Raises JvmError."""
        self._layout.write(self.zookeeper.port)
        if not self.zookeeper.alive:
            self.zookeeper.start()
        self._layout.initialise(self._installed)
        missing = [part for part in self.parts if not part.alive]
        for part in missing:
            part.launch()
        for part in missing:
            part.wait()

    def kill(self) -> None:
        """kill -9 of every part."""
        for part in reversed(self.parts):
            part.kill()

    def stop(self) -> None:
        """In order, the last that was started first."""
        for part in reversed(self.parts):
            part.stop()
