"""The id of a document in, the number of the shard that it belongs to out.

Jump consistent hash (J. Lamping, E. Veach: A Fast, Minimal Memory, Consistent Hash Algorithm, 2014) of a
64-bit BLAKE2b of the id. It needs no table, spreads ids evenly, and is the same in every process, version of
Python and platform, so an index that was written yesterday is found today. With one shard more, only as
many ids move as the new shard gets, and all of them move to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_FEW = 96
"""Up to so many ids a loop is faster than arrays."""

_FACTOR = 2862933555777941757  # the multiplier of the paper's generator of random numbers
_MASK = (1 << 64) - 1
_SPAN = float(1 << 31)


def shards_of(ids: Sequence[str], shards: int) -> list[int]:
    """The shard of each document of a column of ids: 0.7 µs each, a few 1.7 µs.

    >>> shards_of(['a', 'b', 'c'], 1)
    [0, 0, 0]
    """
    if shards == 1:
        return [0] * len(ids)
    if len(ids) <= _FEW:
        return [jump(key_of(doc_id), shards) for doc_id in ids]
    digests = b''.join([blake2b(_bytes(doc_id), digest_size=8).digest() for doc_id in ids])
    found: list[int] = _jumps(np.frombuffer(digests, '<u8').astype(np.uint64), shards).tolist()
    return found


def key_of(doc_id: str) -> int:
    """64 evenly spread bits of an id."""
    return int.from_bytes(blake2b(_bytes(doc_id), digest_size=8).digest(), 'little')


def jump(key: int, shards: int) -> int:
    """The number from 0 on, below `shards`, of a key of 64 bits."""
    found, candidate = -1, 0
    while candidate < shards:
        found = candidate
        key = (key * _FACTOR + 1) & _MASK
        candidate = int((found + 1) * (_SPAN / ((key >> 33) + 1)))
    return found


def _jumps(keys: NDArray[np.uint64], shards: int) -> NDArray[np.int64]:
    """`jump` of many keys at once; those that have arrived stand still."""
    found = np.zeros(len(keys), np.int64)
    moving = np.arange(len(keys))
    while len(moving):
        keys = keys * np.uint64(_FACTOR) + np.uint64(1)  # modulo 2**64, as arrays do
        steps = _SPAN / ((keys >> np.uint64(33)) + np.uint64(1)).astype(np.float64)
        candidates = ((found[moving] + 1) * steps).astype(np.int64)
        on = candidates < shards
        keys, moving = keys[on], moving[on]
        found[moving] = candidates[on]
    return found


def _bytes(doc_id: str) -> bytes:
    return doc_id.encode('utf-8', 'surrogatepass')  # an id of JSON may have half of a pair
