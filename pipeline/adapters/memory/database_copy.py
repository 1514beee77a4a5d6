"""A database of documents in memory, as backup and restore see it."""

from collections.abc import Collection, Iterable, Iterator


class MemoryDatabaseCopy:
    def __init__(self, collections: dict[str, list[bytes]] | None = None) -> None:
        self._collections = collections or {}
        self._staged: dict[str, list[bytes]] = {}

    def collections(self) -> list[str]:
        return sorted(self._collections)

    def is_empty(self) -> bool:
        return not any(self._collections.values())

    def documents(self, collection: str) -> Iterator[bytes]:
        return iter(list(self._collections[collection]))

    def stage(self, collection: str, documents: Iterable[bytes]) -> int:
        self._staged[collection] = list(documents)
        return len(self._staged[collection])

    def swap(self, collections: Collection[str]) -> None:
        self._collections = {name: self._staged[name] for name in collections}
        self._staged = {}

    def discard(self) -> None:
        self._staged = {}
