"""A typed list of documents that is rows or columns, whichever its user last needed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from typing import Any, ClassVar, Generic, Self, SupportsIndex, TypeVar, cast, overload

import numpy as np

from headrace.documents.base import BaseDoc
from headrace.documents.build import table_of
from headrace.documents.table import Stacked, Table, make_rows
from headrace.errors import DocumentError

T = TypeVar('T', bound=BaseDoc)


class DocSequence(Generic[T]):
    """Storage and list behaviour of `DocList`.

    Either `_table` holds the documents as columns (as they came from the wire) or `_rows` as objects. Looking
    at one document makes the rows of all, once; slices share their documents with the list they are cut from.
    `_stacks` remembers for array fields the one array that all rows are views of.
    """

    __slots__ = ('__weakref__', '_rows', '_stacks', '_table')
    doc_type: ClassVar[type[BaseDoc]] = BaseDoc
    _rows: list[T] | None
    _table: Table | None
    _stacks: dict[str, Stacked] | None

    def __init__(self, docs: Iterable[T] = ()) -> None:
        rows: list[Any] = [docs] if isinstance(docs, BaseDoc) else list(docs)
        expected = self.doc_type
        if any(not isinstance(row, expected) for row in rows):
            rows = [self._checked(row) for row in rows]
        self._hold(rows=rows)

    def _hold(
        self,
        *,
        rows: list[T] | None = None,
        table: Table | None = None,
        stacks: dict[str, Stacked] | None = None,
    ) -> None:
        _set_rows(self, rows)
        _set_table(self, table)
        _set_stacks(self, stacks)

    @classmethod
    def from_rows(cls, rows: list[Any], stacks: dict[str, Stacked] | None = None) -> Self:
        """A list around these documents, which are not checked and not copied."""
        made = cls.__new__(cls)
        made._hold(rows=rows, stacks=stacks)
        return made

    @classmethod
    def from_table(cls, table: Table) -> Self:
        """A list around these columns."""
        made = cls.__new__(cls)
        made._hold(table=table)
        return made

    def _checked(self, value: Any) -> BaseDoc:
        expected = self.doc_type
        if isinstance(value, expected):
            return value
        if isinstance(value, dict):
            return expected.from_dict(value)
        raise DocumentError(
            f'{type(self).__name__} takes {expected.__name__}, got {type(value).__name__}',
            help=f'make a DocList[{type(value).__name__}] for it' if isinstance(value, BaseDoc) else '',
        )

    @property
    def rows(self) -> list[T]:
        """The documents themselves as a plain list (the list's own: do not change it)."""
        rows = self._rows
        if rows is None:
            rows = self._make_rows()
        return rows

    def _make_rows(self) -> list[T]:
        table = cast(Table, self._table)
        stacks: dict[str, Stacked] = {}
        rows: list[T] = make_rows(table, stacks)
        self._hold(rows=rows, stacks=stacks)
        return rows

    def table(self) -> Table:
        """The documents as columns (those of the list itself, as long as it has no rows)."""
        if self._table is not None:
            return self._table
        return table_of(self.doc_type, self.rows, self._stacks)

    def __len__(self) -> int:
        return len(self._rows) if self._rows is not None else cast(Table, self._table).length

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[T]:
        return iter(self.rows)

    def __reversed__(self) -> Iterator[T]:
        return reversed(self.rows)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str):
            return any(row.id == item for row in self.rows)
        return any(row is item or row == item for row in self.rows)

    @overload
    def __getitem__(self, key: int | str) -> T: ...
    @overload
    def __getitem__(self, key: slice | list[int] | list[str] | list[bool] | np.ndarray[Any, Any]) -> Self: ...
    def __getitem__(self, key: Any) -> Any:
        rows = self.rows
        if isinstance(key, int):
            return rows[key]
        if isinstance(key, str):
            whole: Any = self
            return whole.traverse_flat(key) if key[:1] == '@' else rows[self._position(key)]
        if isinstance(key, slice):
            stacks = self._stacks and {
                name: (stack[key], views[key])
                for name, (stack, views) in self._stacks.items()
                if key.step in (None, 1)
            }
            return self.from_rows(rows[key], stacks)
        if isinstance(key, SupportsIndex) and not isinstance(key, np.ndarray):
            return rows[key.__index__()]
        return self.from_rows([rows[position] for position in self._positions(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        rows = self.rows
        if isinstance(key, slice):
            rows[key] = [cast('T', self._checked(doc)) for doc in value]
            return
        if isinstance(key, str):
            rows[self._position(key)] = cast('T', self._checked(value))
            return
        if isinstance(key, SupportsIndex) and not isinstance(key, np.ndarray):
            rows[key] = cast('T', self._checked(value))
            return
        positions = self._positions(key)
        docs = [cast('T', self._checked(doc)) for doc in value]
        if len(docs) != len(positions):
            raise DocumentError(f'{len(positions)} places, but {len(docs)} documents to put there')
        for position, doc in zip(positions, docs, strict=True):
            rows[position] = doc

    def __delitem__(self, key: Any) -> None:
        rows = self.rows
        if isinstance(key, slice):
            del rows[key]
        elif isinstance(key, str):
            del rows[self._position(key)]
        elif isinstance(key, SupportsIndex) and not isinstance(key, np.ndarray):
            del rows[key]
        else:
            for position in sorted({p % len(rows) for p in self._positions(key)}, reverse=True):
                del rows[position]

    def _position(self, doc_id: str) -> int:
        for position, row in enumerate(self.rows):
            if row.id == doc_id:
                return position
        raise KeyError(doc_id)

    def _positions(self, key: Any) -> list[int]:
        keys = key.tolist() if isinstance(key, np.ndarray) else list(key)
        if keys and all(isinstance(each, bool) for each in keys):
            if len(keys) != len(self):
                raise DocumentError(f'a mask of {len(keys)} for {len(self)} documents')
            return [position for position, chosen in enumerate(keys) if chosen]
        if any(isinstance(each, str) for each in keys):
            places = {row.id: position for position, row in reversed(list(enumerate(self.rows)))}
            return [places[each] if isinstance(each, str) else each for each in keys]
        return [each.__index__() for each in keys]

    def append(self, doc: T) -> None:
        self.rows.append(cast('T', self._checked(doc)))

    def extend(self, docs: Iterable[T]) -> None:
        self.rows.extend([cast('T', self._checked(doc)) for doc in docs])

    def insert(self, index: int, doc: T) -> None:
        self.rows.insert(index, cast('T', self._checked(doc)))

    def remove(self, doc: T | str) -> None:
        """Take out the first document that is equal to this one (or has this id), or raise ValueError."""
        for position, row in enumerate(self.rows):
            if row.id == doc if isinstance(doc, str) else row is doc or row == doc:
                del self.rows[position]
                return
        raise ValueError(f'{doc if isinstance(doc, str) else doc.id!r} is not in the list')

    def pop(self, index: int = -1) -> T:
        return self.rows.pop(index)

    def clear(self) -> None:
        self._hold(rows=[])

    def index(self, doc: T | str, start: int = 0, stop: int | None = None) -> int:
        """The position of the first document that is equal to this one (or has this id)."""
        for position, row in enumerate(self.rows[start:stop], start):
            if row.id == doc if isinstance(doc, str) else row is doc or row == doc:
                return position
        raise ValueError(f'{doc if isinstance(doc, str) else doc.id!r} is not in the list')

    def count(self, doc: T) -> int:
        return sum(row is doc or row == doc for row in self.rows)

    def reverse(self) -> None:
        self.rows.reverse()

    def sort(self, *, key: Callable[[T], Any], reverse: bool = False) -> None:
        self.rows.sort(key=key, reverse=reverse)

    def copy(self) -> Self:
        """A new list of the same documents."""
        return self.from_rows(self.rows.copy())

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = self.from_rows([])
        memo[id(self)] = made
        made.rows.extend(copy.deepcopy(row, memo) for row in self.rows)
        return made

    def __add__(self, other: Iterable[T]) -> Self:
        made = self.copy()
        made.extend(other)
        return made

    def __iadd__(self, other: Iterable[T]) -> Self:
        self.extend(other)
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DocSequence | list):
            return NotImplemented
        return len(self) == len(other) and all(map(_equal, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f'<{type(self).__name__} of {len(self)}>'


def _equal(one: Any, other: Any) -> bool:
    return one is other or one == other


_set_rows = DocSequence.__dict__['_rows'].__set__
_set_table = DocSequence.__dict__['_table'].__set__
_set_stacks = DocSequence.__dict__['_stacks'].__set__
MutableSequence.register(DocSequence)
