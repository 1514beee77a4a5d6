"""What the real servers on the JVM need on a machine without them: Java, and jars that Maven fetches once.

1. `find_java` and `find_maven` say what is missing and how to get it.
2. `fetch_jars` has Maven copy the jars that a `pom.xml` under `deploy/jvm/` pins into the user's cache; each `pom.xml` has a
   directory of its own there, made in one step, so that a fetch that was broken off leaves nothing behind.
3. `archive_path` is where a server's class-data archive lies, with which it starts in a third of the time.

The cache is `tickerline` under XDG_CACHE_HOME or ~/.cache: data directories share it, and may be deleted without it.
"""

import fcntl
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.domain.errors import TickerlineError

HOST = "127.0.0.1"
POMS = Path(__file__).resolve().parents[2] / "deploy" / "jvm"
OLDEST_JAVA = 17
_FETCH_S = 900.0
_PORTS = range(20_000, 32_000)  # below what kernels take for outgoing connections: a killed server gets its port back
_ANSWER_S = 30.0
_GET_JAVA = (
    f"a Java runtime, {OLDEST_JAVA} or newer (Debian and Ubuntu: apt-get install openjdk-17-jre-headless; macOS: "
    "brew install openjdk@17; set JAVA_HOME where it is not on the PATH)"
)
_GET_MAVEN = "Maven, command mvn (Debian and Ubuntu: apt-get install maven; macOS: brew install maven)"

Say = Callable[[str], None]


class JvmError(TickerlineError):
    """A real server cannot be had on this machine; the message says what is missing, or what went wrong."""


@dataclass(frozen=True)
class Java:
    command: str
    version: str  # all that `java -version` says: archives of classes hold for one version


def find_java() -> Java:
    """The Java of JAVA_HOME, else of the PATH. Raises JvmError when there is none, or an old one."""
    home = os.environ.get("JAVA_HOME")
    command = shutil.which("java", path=os.path.abspath(os.path.join(home, "bin")) if home else None)
    if command is None:
        raise JvmError(f"needs {_GET_JAVA}; there is no java {f'in JAVA_HOME ({home})' if home else 'on the PATH'}")
    try:
        done = _run([command, "-version"], _ANSWER_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JvmError(f"needs {_GET_JAVA}; {command} does not run ({type(error).__name__})") from None
    found = re.search(r'version "(\d+)', done.stdout)
    if done.returncode or found is None:  # macOS has a java that only says that there is none
        raise JvmError(f"needs {_GET_JAVA}; {command} is none")
    if int(found[1]) < OLDEST_JAVA:
        raise JvmError(f"needs {_GET_JAVA}; {command} is {done.stdout.splitlines()[0]}")
    return Java(command, done.stdout)


def find_maven() -> str:
    """Raises JvmError when there is none."""
    command = shutil.which("mvn")
    if command is None:
        raise JvmError(f"needs {_GET_MAVEN}; there is no mvn on the PATH")
    return command


def check(name: str) -> Java:
    """Java, and Maven where the jars of `name` are still to be fetched. Raises one JvmError for all that is missing."""
    missing, java = [], None
    try:
        java = find_java()
    except JvmError as error:
        missing.append(str(error))
    try:
        if not jars_of(name).exists():
            find_maven()
    except JvmError as error:
        missing.append(str(error))
    if java is None or missing:
        raise JvmError("\n".join(f"a real {name} {line}" for line in missing))
    return java


def cache_dir() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tickerline"


def jars_of(name: str) -> Path:
    """The directory of the jars of `deploy/jvm/NAME/pom.xml`; it exists when all of them are there."""
    pins = (POMS / name / "pom.xml").read_bytes()
    return cache_dir() / f"{name}-{hashlib.sha256(pins).hexdigest()[:12]}" / "jars"


def archive_path(name: str, java: Java, part: str = "classes") -> Path:
    """Where the class-data archive of a server, or of a part of it, lies, for these jars and this Java."""
    return jars_of(name).with_name(f"{part}-{hashlib.sha256(java.version.encode()).hexdigest()[:12]}.jsa")


def fetch_jars(name: str, say: Say) -> Path:
    """The directory of the jars, fetched when they are not there yet. Raises JvmError."""
    target = jars_of(name)
    if target.exists():
        return target
    maven = find_maven()
    with locked(target.parent):
        if not target.exists():  # somebody else fetched them meanwhile
            say(f"fetching the jars of {name} by Maven, once (some 50 to 100 MB)")
            with tempfile.TemporaryDirectory(dir=target.parent, prefix="draft-") as draft:
                _copy(maven, POMS / name / "pom.xml", Path(draft) / "jars")
                (Path(draft) / "jars").rename(target)
    return target


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One process at a time in a directory of the cache; drafts of one that was killed there are removed."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for draft in directory.glob("draft-*"):
            shutil.rmtree(draft, ignore_errors=True)
        yield


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on now. Raises JvmError when there are not so many."""
    found: list[int] = []
    for port in random.sample(_PORTS, 500):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            found.append(port)
        if len(found) == count:
            return found
    raise JvmError(f"no free port between {_PORTS.start} and {_PORTS.stop}")


def _copy(maven: str, pom: Path, target: Path) -> None:
    command = [maven, "--batch-mode", "--no-transfer-progress", "--quiet", "--strict-checksums", "--file", str(pom)]
    command += ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    try:
        done = _run(command, _FETCH_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JvmError(f"Maven could not fetch the jars of {pom} ({type(error).__name__})") from None
    if done.returncode or not any(target.glob("*.jar")):
        last = "\n".join(done.stdout.strip().splitlines()[-12:])
        raise JvmError(f"Maven could not fetch the jars of {pom} (exit code {done.returncode}):\n{last}")


def _run(command: Sequence[str], timeout_s: float) -> "subprocess.CompletedProcess[str]":
    """Standard output and standard error together, as text."""
    return subprocess.run(  # noqa: S603 - a program that was looked up on the PATH
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=timeout_s, check=False, errors="replace",
    )  # fmt: skip
