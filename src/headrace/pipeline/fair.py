"""What waits, taken in turn: round robin over its owners, the oldest of each first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar('T', bound=Hashable)


class FairQueue(Generic[T]):
    """A queue in which nobody waits longer because another has brought much.

    Everything costs the same however much waits. Nothing is in it twice.

    >>> queue = FairQueue()
    >>> for owner, item in [('a', 1), ('a', 2), ('a', 3), ('b', 4)]:
    ...     queue.add(owner, item)
    >>> [queue.take() for _ in range(4)]
    [1, 4, 2, 3]
    """

    __slots__ = ('_lines', '_size')

    def __init__(self) -> None:
        self._lines: OrderedDict[str, OrderedDict[T, None]] = OrderedDict()  # in the order of their turns
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[T]:
        """What waits, owner by owner."""
        for line in self._lines.values():
            yield from line

    def add(self, owner: str, item: T) -> None:
        """Let `item` wait behind what its owner has here; a new owner's turn comes last."""
        line = self._lines.get(owner)
        if line is None:
            line = self._lines[owner] = OrderedDict()
        line[item] = None
        self._size += 1

    def take(self) -> T:
        """What is next, which waits no more; KeyError if nothing waits."""
        owner, line = next(iter(self._lines.items()), ('', OrderedDict[T, None]()))
        item, _ = line.popitem(last=False)
        self._size -= 1
        if line:
            self._lines.move_to_end(owner)
        else:
            del self._lines[owner]
        return item

    def remove(self, owner: str, item: T) -> bool:
        """Forget `item`; says whether it was here."""
        line = self._lines.get(owner)
        if line is None or item not in line:
            return False
        del line[item]
        self._size -= 1
        if not line:
            del self._lines[owner]
        return True

    def __repr__(self) -> str:
        return f'<FairQueue of {self._size} from {len(self._lines)}>'
