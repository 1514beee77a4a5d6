"""Which shard a symbol belongs to: rendezvous hashing, so that another number of shards moves as few symbols as possible."""

from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=100_000)
def shard_of(symbol: str, shards: int) -> int:
    """0 <= shard < shards; the same on every machine."""

    def weight(shard: int) -> bytes:
        return blake2b(f"{symbol}\0{shard}".encode(), digest_size=8).digest()

    return max(range(shards), key=weight)
