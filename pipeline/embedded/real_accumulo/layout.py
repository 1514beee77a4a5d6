"""One instance's directory: secrets that are made once, settings that are written at each start, the tables' files.

password, instance-secret       random, readable to the owner alone
accumulo.properties, zoo.cfg    written anew at each start, for the port of ZooKeeper
zookeeper/, volume/             what is kept
initialised                     there once the instance is made
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.embedded.jvm import HOST, JvmError
from pipeline.embedded.real_accumulo.install import Installed

INSTANCE = "tickerline"
USER = "root"
INIT_S = 120.0

# Sessions of ZooKeeper, by which a server is held to be alive, last between 2 and 20 ticks.
_ZOOKEEPER = """\
dataDir={data}
clientPort={port}
clientPortAddress={host}
tickTime=1000
admin.enableServer=false
4lw.commands.whitelist=srvr
autopurge.purgeInterval=1
autopurge.snapRetainCount=3
"""

_ACCUMULO = """\
instance.volumes={volume}
instance.zookeeper.host={host}:{port}
instance.zookeeper.timeout=5s
general.server.lock.verification.interval=5s
instance.secret={secret}
tserver.memory.maps.native.enabled=false
tserver.memory.maps.max=128M
tserver.wal.max.size=128M
tserver.cache.data.size=32M
tserver.cache.index.size=32M
tserver.cache.summary.size=4M
tserver.wal.sort.buffer.size=50M
manager.recovery.delay=1s
manager.recovery.wal.cache.time=1s
gc.cycle.start=10s
gc.cycle.delay=1m
general.micrometer.enabled=false
general.vfs.cache.dir={cache}
"""


@dataclass(frozen=True)
class Layout:
    """`given_password`: a file that has the password, where it is not to be made here. `zookeeper_host`: where ZooKeeper listens,
    and is asked at."""

    directory: Path
    zookeeper_host: str = HOST
    given_password: Path | None = None

    @property
    def password_file(self) -> Path:
        return self.given_password or self.directory / "password"

    @property
    def password(self) -> str:
        return self.password_file.read_text().strip()

    @property
    def properties(self) -> Path:
        return self.directory / "accumulo.properties"

    @property
    def zookeeper_properties(self) -> Path:
        return self.directory / "zoo.cfg"

    @property
    def initialised(self) -> bool:
        return self._mark.exists()

    @property
    def _mark(self) -> Path:
        return self.directory / "initialised"

    def ensure_password(self) -> str:
        """Made once. Raises JvmError when the instance cannot lie in the directory."""
        if odd := re.search(r"[^A-Za-z0-9/._~@=+-]", str(self.directory.absolute())):
            raise JvmError(f"a real accumulo cannot lie in {self.directory}: its volumes know no {odd[0]!r} in a path")
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked("lock"):
            return self.password if self.given_password else self._make_secret(self.password_file)

    def write(self, zookeeper_port: int) -> None:
        """Everything but the instance itself. Raises JvmError when it cannot lie there."""
        directory = self.directory.absolute()
        self.ensure_password()
        with self._locked("lock"):
            self._write(directory, zookeeper_port)

    def _write(self, directory: Path, zookeeper_port: int) -> None:
        secret = self._make_secret(directory / "instance-secret")
        data = str(directory / "zookeeper")
        _write_private(
            self.zookeeper_properties, _ZOOKEEPER.format(data=data, host=self.zookeeper_host, port=zookeeper_port)
        )
        volume = f"file://{directory / 'volume'}"
        cache = directory / "class-cache"  # else in /tmp
        text = _ACCUMULO.format(
            volume=volume, host=self.zookeeper_host, port=zookeeper_port, secret=secret, cache=cache
        )
        _write_private(self.properties, text)
        for left in cache.glob(
            "*"
        ):  # a directory of each process, which a killed one leaves; nothing is ever put into it
            with contextlib.suppress(OSError):
                left.rmdir()

    def initialise(self, installed: Installed) -> None:
        """Make the instance, once; ZooKeeper answers. One process does it, others wait for that. Raises JvmError."""
        with self._locked("init.lock"):
            if not self.initialised:
                shutil.rmtree(self.directory / "volume", ignore_errors=True)  # of an attempt that was broken off
                self._run_init(installed)
                self._mark.touch()

    def _run_init(self, installed: Installed) -> None:
        arguments = self.directory / "init.arguments"
        lines = ["--instance-name", INSTANCE, "--clear-instance-name", "--user", USER, "--password", self.password]
        _write_private(arguments, "".join(f"{line}\n" for line in lines))
        try:
            done = subprocess.run(  # noqa: S603 - the project's own command
                installed.init(self.properties, arguments),
                cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False, timeout=INIT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise JvmError(f"Accumulo's instance could not be made in {INIT_S:.0f} s") from None
        finally:
            arguments.unlink()
        if done.returncode:
            said = done.stdout[-2000:].replace(self.password, "***")
            raise JvmError(f"Accumulo's instance could not be made in {self.directory}:\n{said}")

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """One process at a time: the parts start side by side."""
        with (self.directory / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make_secret(self, path: Path) -> str:
        with contextlib.suppress(FileNotFoundError):
            return path.read_text().strip()
        secret = secrets.token_urlsafe(24).lstrip("-")  # an argument that starts with a hyphen would be an option
        _write_private(path, f"{secret}\n")
        return secret


def _write_private(path: Path, text: str) -> None:
    """In one step, and never readable to anybody else."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
