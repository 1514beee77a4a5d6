"""The whole database, for backup and restore. Staged collections are in the same database, under a prefix.

So the role readWrite is enough, and putting one in place is a rename, which the server does as one step. Indexes are not copied:
`ensure_indexes` makes them.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import cast

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.collection import Collection as Stored

from pipeline.adapters.mongo.connection import Document, mapped_errors, patient

_STAGED = "restore."
_BATCH = 1_000
# Read before what they tell of: a fetch that is newer than its bars would be taken for stored.
_FIRST = ("backfills", "fetches")
_AS_IT_IS: "CodecOptions[RawBSONDocument]" = CodecOptions(document_class=RawBSONDocument)


class MongoDatabaseCopy:
    def __init__(self, client: "MongoClient[Document]", database: str) -> None:
        self._base = client[database]

    def collections(self) -> list[str]:
        names = [name for name in self._all() if not name.startswith(_STAGED)]
        return sorted(names, key=lambda name: (name not in _FIRST, name))

    def is_empty(self) -> bool:
        with mapped_errors():
            return all(self._base[name].find_one({}, {"_id": 1}) is None for name in self.collections())

    def documents(self, collection: str) -> Iterator[bytes]:
        source = cast("Stored[RawBSONDocument]", self._base.get_collection(collection, codec_options=_AS_IT_IS))
        with mapped_errors(), source.find({}, batch_size=_BATCH) as found:
            for document in found:
                yield bytes(document.raw)

    def stage(self, collection: str, documents: Iterable[bytes]) -> int:
        name, left = _STAGED + collection, iter(documents)
        with mapped_errors(), patient():
            self._base.drop_collection(name)
            self._base.create_collection(name)
            staged = cast("Stored[RawBSONDocument]", self._base.get_collection(name, codec_options=_AS_IT_IS))
            while batch := [RawBSONDocument(document) for document in islice(left, _BATCH)]:
                staged.insert_many(batch)
            return staged.count_documents({})

    def swap(self, collections: Collection[str]) -> None:
        with mapped_errors(), patient():
            for name in collections:
                self._base[_STAGED + name].rename(name, dropTarget=True)
            for name in set(self._all()) - set(collections):
                self._base.drop_collection(name)

    def discard(self) -> None:
        with mapped_errors():
            for name in self._all():
                if name.startswith(_STAGED):
                    self._base.drop_collection(name)

    def _all(self) -> list[str]:
        with mapped_errors():
            names = self._base.list_collection_names(filter={"type": "collection"})
        return sorted(name for name in names if not name.startswith("system."))
