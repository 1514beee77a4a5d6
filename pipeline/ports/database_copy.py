"""The whole of the pipeline's database as documents, to be kept elsewhere and brought back."""

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol


class DatabaseCopy(Protocol):
    """A document is its BSON, byte for byte. Every method raises Unavailable.

    Bringing back is in two steps: `stage` puts documents beside those in use, `swap` puts what was staged in their place.
    """

    def collections(self) -> list[str]:
        """Without what was staged; in the order in which they are to be read while others write."""
        ...

    def is_empty(self) -> bool:
        """Whether no collection has a document."""
        ...

    def documents(self, collection: str) -> Iterator[bytes]:
        """In the order in which they are kept, read in batches. What is written meanwhile may be among them or not."""
        ...

    def stage(self, collection: str, documents: Iterable[bytes]) -> int:
        """Put them beside the collection, in place of what was staged before. Returns how many are there, as counted after."""
        ...

    def swap(self, collections: Collection[str]) -> None:
        """Put what was staged in place, one collection after the other, and drop every other collection.

        Interrupted, it has to be staged and swapped again.
        """
        ...

    def discard(self) -> None:
        """Drop what was staged and not swapped."""
        ...
