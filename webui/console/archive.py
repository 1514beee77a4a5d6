"""The file that a backup is: a gzipped tar, readable by any tool.

    mongodb/NAME.bson    a collection's documents, one after the other, as mongodump writes them
    table/data.mdb       the embedded table (LMDB)
    django.sqlite3       Django's database
    manifest.json        last: version, source, time, and of each file before it its bytes, SHA-256 and documents

As the manifest comes last, a file that ends early has none. Nothing in an archive is believed before it has been checked.
"""

import gzip
import hashlib
import json
import os
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from webui.console.errors import ConsoleError

VERSION = 1
MANIFEST = "manifest.json"
DOCUMENTS, TABLE, DJANGO = "mongodb/", "table/data.mdb", "django.sqlite3"
_LENGTH = struct.Struct("<i")
_LONGEST = 48 << 20  # bytes of a document: three times what MongoDB takes
_PIECE = 1 << 20


@dataclass(frozen=True)
class Entry:
    name: str
    size: int
    sha256: str
    documents: int | None = None


@dataclass(frozen=True)
class Manifest:
    source: str
    database: str
    made_at: str  # RFC 3339, UTC
    files: tuple[Entry, ...]
    version: int = VERSION

    @property
    def collections(self) -> dict[str, Entry]:
        """By name."""
        return {_collection(file.name): file for file in self.files if file.name.startswith(DOCUMENTS)}

    def has(self, name: str) -> bool:
        return any(file.name == name for file in self.files)


def _collection(name: str) -> str:
    return name.removeprefix(DOCUMENTS).removesuffix(".bson")


class Writer:
    """Made by `writing`."""

    def __init__(self, archive: tarfile.TarFile, staging: Path) -> None:
        self._archive, self._staging = archive, staging
        self.entries: list[Entry] = []

    def add_documents(self, collection: str, documents: Iterable[bytes]) -> int:
        count, path = 0, self._staging / "documents"
        with path.open("wb") as file:
            for count, document in enumerate(documents, start=1):  # noqa: B007
                file.write(document)
        self.add_file(f"{DOCUMENTS}{collection}.bson", path, count)
        path.unlink()
        return count

    def add_file(self, name: str, path: Path, documents: int | None = None) -> None:
        with path.open("rb") as file:
            self.entries.append(
                Entry(name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest(), documents)
            )
        self._add(name, path)

    def finish(self, source: str, database: str, made_at: str) -> None:
        path = self._staging / "manifest"
        manifest = asdict(Manifest(source, database, made_at, tuple(self.entries)))
        path.write_text(json.dumps(manifest, indent=1))
        self._add(MANIFEST, path)

    def _add(self, name: str, path: Path) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = path.stat().st_size, 0o600
        with path.open("rb") as file:
            self._archive.addfile(member, file)


@contextmanager
def writing(path: Path) -> Iterator[tuple[Writer, Path]]:
    """A writer, and a directory for what is yet to be added. `path` is there when the block has ended well, or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    with tempfile.TemporaryDirectory(prefix=".tickerline-backup-", dir=path.parent) as staging:
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                with tarfile.open(fileobj=file, mode="w:gz", compresslevel=4) as archive:
                    yield Writer(archive, Path(staging)), Path(staging)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def unpack(path: Path, directory: Path) -> Manifest:
    """Write the archive's files into `directory` and compare each with the manifest. Raises ConsoleError."""
    seen: dict[str, Entry] = {}
    strange: set[str] = set()
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                source = archive.extractfile(member)
                if source is None or not _expected(member.name):
                    strange.add(member.name)
                    continue
                seen[member.name] = _written(source, member.name, directory / member.name)
    except FileNotFoundError:
        raise ConsoleError(f"{path}: there is no such file") from None
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, f"not readable to its end ({error})") from None
    except OSError as error:
        raise ConsoleError(f"{path}: not read: {error}") from None
    if MANIFEST not in seen:
        raise _damaged(path, "it has no manifest")
    manifest = _manifest(path, directory / MANIFEST)
    for file in manifest.files:
        if (found := seen.get(file.name)) is None:
            raise _damaged(path, f"{file.name} is missing")
        if (found.size, found.sha256) != (file.size, file.sha256):
            raise _damaged(path, f"{file.name} is not what its checksum says")
    if strange := strange | set(seen) - {file.name for file in manifest.files} - {MANIFEST}:
        raise _damaged(path, f"{min(strange)!r} is not in its manifest, or no part of a backup")
    return manifest


def documents(path: Path) -> Iterator[bytes]:
    """The documents of an unpacked collection: each begins with its length. Raises ConsoleError."""
    with path.open("rb") as file:
        while head := file.read(_LENGTH.size):
            length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
            rest = file.read(length - len(head)) if _LENGTH.size < length <= _LONGEST else b""
            if not rest or len(rest) != length - len(head):
                raise ConsoleError(f"{path.name}: holds what is no document")
            yield head + rest


def _expected(name: str) -> bool:
    """No name leads out of the directory that it is written to."""
    if name in (MANIFEST, TABLE, DJANGO):
        return True
    collection = _collection(name)
    return name == f"{DOCUMENTS}{collection}.bson" and bool(collection) and "/" not in collection


def _written(source: Any, name: str, target: Path) -> Entry:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    out: BinaryIO
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            out.write(piece)
    return Entry(name, size, digest.hexdigest())


def _manifest(path: Path, file: Path) -> Manifest:
    try:
        found = json.loads(file.read_text())
        version = found["version"]
        if isinstance(version, int) and version > VERSION:
            raise ConsoleError(
                f"{path}: is of version {version}, and this Tickerline knows {VERSION}: upgrade it first"
            )
        files = tuple(Entry(**entry) for entry in found["files"])
        return Manifest(found["source"], found["database"], found["made_at"], files, version)
    except (ValueError, KeyError, TypeError):
        raise _damaged(path, "its manifest is none") from None


def _damaged(path: Path, why: str) -> ConsoleError:
    return ConsoleError(f"{path}: damaged, or no backup: {why}; nothing was changed")
