"""The data directory: what lies where, who may be in it, and that nothing else is ever touched."""

import fcntl
import json
import os
import re
import shutil
import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pipeline.settings import address_file
from webui.console.errors import ConsoleError

MARKER = ".tickerline"
# Everything that Tickerline makes in a data directory. `--fresh` deletes these and nothing else.
OURS = (
    "run",
    "log",
    "redis",
    "mongodb",
    "alphavantage",
    "kafka",
    "table-*",
    "restore",
    "ports.json",
    "secret_key",
    "django.sqlite3*",
    MARKER,
)
SOCKET_LIMIT = 90  # of about 107 bytes: supervisord first binds a temporary name that is longer


def write_json(path: Path, value: Any) -> None:
    """Write as one step, readable by its owner alone."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
    draft.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`; empty when there is none or it is no JSON object."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


class Place:
    """The files of one system, named after what they hold. Making one touches nothing; see `prepare`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.run, self.log = data / "run", data / "log"
        self.ports, self.secret_key = data / "ports.json", data / "secret_key"
        self.addresses = address_file(data)
        self.system = self.run / "system.json"
        self.conf = self.run / "supervisord.conf"
        self.socket_note = self.run / "socket.json"
        self.restore = data / "restore"
        self.restoring = self.restore / "exchanging"  # there while a restore puts things in place
        self.lock, self.up_log = self.run / "up.lock", self.run / "up.log"

    @property
    def socket(self) -> Path:
        """supervisord's socket: beside its configuration, or where `prepare` noted when that path would be too long."""
        path = self.run / "supervisord.sock"
        return path if _short(path) else Path(read_json(self.socket_note).get("directory", self.run)) / "s"

    def program_log(self, name: str) -> Path:
        return self.log / f"{name}.log"

    def check(self) -> None:
        """Refuse a directory that holds what is not Tickerline's. Raises ConsoleError."""
        if re.search(r"\s[;#]|[\r\n]", str(self.data)):  # supervisord would read a comment there
            raise ConsoleError("TICKERLINE_DATA: the path must not hold a space before ';' or '#', nor a line break")
        if self.data.exists() and not self.data.is_dir():
            raise ConsoleError(f"TICKERLINE_DATA: {self.data} is not a directory")
        if not self.data.exists() or (self.data / MARKER).exists():
            return
        strange = sorted(entry.name for entry in self.data.iterdir() if not is_ours(entry.name))
        if strange:
            raise ConsoleError(
                f"TICKERLINE_DATA: {self.data} holds what Tickerline did not make (e.g. {strange[0]!r}); "
                "name a new or an empty directory"
            )

    def check_whole(self) -> None:
        """Refuse data of which a restore has put only a part in place. Raises ConsoleError."""
        if self.restoring.exists():
            raise ConsoleError(
                f"a restore into {self.data} was interrupted: run `manage.py restore ARCHIVE --replace` again, "
                "or start anew with `manage.py up --fresh`"
            )

    def delete_all(self) -> None:
        """Delete the system's data, here and nowhere else: links are removed, not followed. Call `check` before."""
        if not self.data.exists():
            return
        for entry in self.data.iterdir():
            if not is_ours(entry.name) or entry.name == "run":
                continue
            _delete(entry)
        for entry in self.run.iterdir() if self.run.exists() else ():
            if entry not in (self.lock, self.up_log):  # the `up` that deletes has them open
                _delete(entry)

    def prepare(self) -> None:
        for directory in (self.data, self.run, self.log):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.data / MARKER).touch(mode=0o600)
        if not _short(self.run / "supervisord.sock") and not read_json(self.socket_note):
            write_json(self.socket_note, {"directory": tempfile.mkdtemp(prefix="tickerline-")})

    def forget_run(self) -> None:
        """Remove what described the system that ran."""
        if self.socket.parent != self.run:
            shutil.rmtree(self.socket.parent, ignore_errors=True)
        for path in (self.addresses, self.system, self.socket_note, self.run / "supervisord.sock"):
            path.unlink(missing_ok=True)


def _short(path: Path) -> bool:
    return len(os.fsencode(path)) <= SOCKET_LIMIT


def is_ours(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in OURS)


def _delete(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


class Lock:
    """Held by `up` as long as it lives, whatever ends it: the lock is the kernel's, the file's text tells the pid."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> int | None:
        """The pid of the `up` that holds it; None when nobody does."""
        try:
            descriptor = os.open(self._path, os.O_RDWR)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.read(descriptor, 20) or b"0") or None
        finally:
            os.close(descriptor)
        return None
