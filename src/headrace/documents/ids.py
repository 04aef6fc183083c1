"""Fresh identifiers for documents: nothing in, 32 hex digits out."""

from __future__ import annotations

import os

_BLOCK = 256
_pool: list[str] = []
_take = _pool.pop


def new_id() -> str:
    """32 hex digits that no other document has.

    They are cut from a block of the system's randomness, since one system call per document would cost
    more than all the rest of making it.
    """
    try:
        return _take()
    except IndexError:
        return _refill()


def new_ids(count: int) -> list[str]:
    """As many fresh identifiers as asked for, in one go."""
    digits = os.urandom(16 * count).hex()
    return [digits[start : start + 32] for start in range(0, len(digits), 32)]


def _refill() -> str:
    fresh = new_ids(_BLOCK)
    last = fresh.pop()
    _pool.extend(fresh)
    return last


os.register_at_fork(after_in_child=_pool.clear)  # else parent and child would give the same identifiers
