"""`DocList[T]`: a list of documents that is columns as well."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ForwardRef, Literal, Self, TypeVar, cast

from headrace.documents import arrow, display, docarray, files, frame, notebook, sampling
from headrace.documents import find as finding
from headrace.documents import traverse as paths
from headrace.documents.adapt import doc_type_from
from headrace.documents.arrays import as_array, is_torch
from headrace.documents.base import BaseDoc
from headrace.documents.build import (
    column_in,
    column_of,
    default_column,
    empty_stack,
    is_stack_of,
    stack_column,
    stacked,
)
from headrace.documents.codec import text
from headrace.documents.codec.pack import pack
from headrace.documents.codec.unpack import DEFAULT_LIMITS, read_header, unpack
from headrace.documents.fields import Field, Kind, fields_of
from headrace.documents.ids import new_ids
from headrace.documents.merging import merged
from headrace.documents.sequence import DocSequence
from headrace.documents.strange import explained
from headrace.documents.table import Column, StackColumn, Table, ValueColumn
from headrace.errors import DocumentError

if TYPE_CHECKING:
    from headrace.documents.applying import Backend, Function

T = TypeVar('T', bound=BaseDoc)
_types: dict[Any, type[DocList[Any]]] = {}


def list_type(doc_type: Any) -> type[DocList[Any]]:
    """The class `DocList[doc_type]` of a document class that is a value."""
    return _types.get((DocList, doc_type)) or cast('type[DocList[Any]]', DocList.__class_getitem__(doc_type))


class DocList(DocSequence[T]):
    """A list of documents of one type, whose fields can be read and written as columns.

    >>> from headrace.documents.document import Document
    >>> docs = DocList([Document('a'), Document('b')])
    >>> docs.text = [text.upper() for text in docs.text]
    >>> docs[1].text
    'B'

    `DocList[Item]` is a class: call it to make a list that takes only `Item`. `docs.embedding` is one array
    of all embeddings (a list with None where they differ in shape or are missing), and writing into it writes
    the documents. A field whose name is also a method of lists is reached with `docs.column('count')`.

    In the body of a class, `DocList['Item']` means the list of a class `Item` that is not there yet: of the
    class itself, or of one further down in the module. `DocList[Any]` is plain `DocList`.
    """

    __slots__ = ()

    def __class_getitem__(cls, item: Any) -> Any:
        if item is Any:
            return cls
        if isinstance(item, str | ForwardRef):
            return _named(cls, item if isinstance(item, str) else item.__forward_arg__)
        made = _types.get((cls, item))
        if made is None:
            if isinstance(item, TypeVar):
                return super().__class_getitem__(item)  # type: ignore[misc]
            doc_type = doc_type_from(item)
            name = f'{cls.__name__.partition("[")[0]}[{doc_type.__name__}]'
            made = type(name, (cls,), {'__slots__': (), 'doc_type': doc_type})
            made.__module__ = cls.__module__
            made = _types.setdefault((cls, item), made)  # another thread may have been quicker
            _types.setdefault((cls, doc_type), made)
        return made

    def __new__(cls, docs: Iterable[T] = ()) -> Self:
        if cls is DocList:
            return cast(Self, object.__new__(list_type(_common_type(docs))))
        return object.__new__(cls)

    @classmethod
    def empty(cls, count: int = 0) -> Self:
        """A list of `count` documents that have nothing but their ids."""
        typed = cls if cls is not DocList else list_type(cls.doc_type)
        table = Table(typed.doc_type, count, {'id': ValueColumn(cast('list[Any]', new_ids(count)))})
        return cast(Self, typed.from_rows(typed.from_table(table).rows))

    def column(self, name: str) -> Any:
        """One field of all documents: an array if it is an array field and the rows are alike, else a list.

        The array is the documents' own memory: what is written there is written to them. Lists are fresh.
        """
        field = self._field(name)
        table = self._table
        if table is not None:
            return (
                empty_stack(field)
                if field.kind is Kind.ARRAY and not table.length
                else column_in(table, field).view()
            )
        values = [getattr(row, field.name) for row in self.rows]
        return self._gathered(field, values) if field.kind is Kind.ARRAY else values

    def _gathered(self, field: Field, values: list[Any]) -> Any:
        known = (self._stacks or {}).get(field.name)
        if known is not None and is_stack_of(known, values):
            return known[0]
        if not values:
            return empty_stack(field)
        found = stacked(values)
        if found is None:
            return values
        self._point(field, found)
        return found

    def _point(self, field: Field, stack: Any) -> None:
        """Let every row have its part of the stack."""
        views = StackColumn(stack).rows()
        for row, view in zip(self.rows, views, strict=True):
            setattr(row, field.name, view)
        stacks = dict(self._stacks or {})
        stacks[field.name] = (stack, views)
        self._hold(rows=self.rows, stacks=stacks)

    def set_column(self, name: str, values: Any) -> None:
        """Write one field of all documents; an array is taken over as it is, without a copy."""
        field = self._field(name)
        column = _new_column(field, values, len(self))
        if self._table is not None:
            self._table.columns[field.name] = column
        elif isinstance(column, StackColumn):
            self._point(field, column.stack)
        else:
            for row, value in zip(self.rows, column.rows(), strict=True):
                setattr(row, field.name, value)

    def _field(self, name: str) -> Field:
        fields = fields_of(self.doc_type)
        field = fields.get(name) or (fields.get(name[:-1]) if name.endswith('s') else None)
        if field is None:
            raise AttributeError(
                f'{type(self).__name__} has no attribute, and {self.doc_type.__name__} no field {name!r}'
            )
        return field

    def __getattr__(self, name: str) -> Any:
        if name[:1] == '_':
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        return self.column(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name[:1] == '_':
            object.__setattr__(self, name, value)
        else:
            self.set_column(name, value)

    def __reduce__(self) -> Any:
        return _restored, (self.doc_type, self.rows)

    find = finding.find
    match = finding.match
    filter = finding.select

    summary = display.print_list
    plot_image_sprites = display.plot_image_sprites
    _repr_html_ = notebook.list_html
    save = files.save
    to_arrow = arrow.to_table
    to_dataframe = frame.to_dataframe
    to_docarray = docarray.to_docarray

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, format: str = '', memory_map: bool = False) -> Self:
        """The documents of a file that `save` wrote, or of any JSON, CSV, Arrow or Parquet file."""
        return cast(Self, files.load(path, cls, format=format, memory_map=memory_map))

    @classmethod
    def from_arrow(cls, table: Any) -> Self:
        """A `pyarrow.Table` as documents; columns without a field go to `tags`, if there are any."""
        return cast(Self, arrow.from_table(table, cls))

    @classmethod
    def from_dataframe(cls, data: Any) -> Self:
        """A pandas DataFrame as documents; columns without a field go to `tags`, if there are any."""
        return cast(Self, frame.from_dataframe(data, cls))

    @classmethod
    def from_docarray(cls, docs: Iterable[Any]) -> Self:
        """A DocumentArray, DocList or DocVec of the docarray library as documents."""
        return cast(Self, docarray.from_docarray(docs, cls))

    def traverse(self, path: str) -> Iterator[DocList[Any]]:
        """The lists of documents that a path such as '@r,c' leads to, one after the other."""
        return (_list_of(found) for found in paths.traverse(self, path))

    def traverse_flat(self, path: str, keep: paths.Keep | None = None) -> DocList[Any]:
        """The documents that a path leads to as one list: '@r' these, '@c' their chunks, '@m' their matches.

        They are the documents themselves: what is written to them, or to a column of the list, stays.
        """
        return _list_of(paths.flat(self, path, keep))

    def reduce(self, other: DocList[Any]) -> Self:
        """Unite with another list by id, in place: own documents win, the other's complete them."""
        return self.reduce_all([other])

    def reduce_all(self, others: Iterable[DocList[Any]]) -> Self:
        """Unite with other lists by id, in place (see `merged`)."""
        self[:] = merged([self.rows, *(other.rows for other in others)])
        return self

    @classmethod
    def merged(cls, lists: Iterable[DocList[Any]]) -> Self:
        """Several lists united by id: the first occurrence of a document wins, later ones complete it."""
        given = list(lists)
        typed = type(given[0]) if given and cls is DocList else cls
        return cast(Self, typed.from_rows(merged([found.rows for found in given])))

    def batch(self, size: int, *, shuffle: bool = False, seed: int | None = None) -> Iterator[Self]:
        """The list in pieces of `size` documents, the last one perhaps smaller."""
        return sampling.batch(self, size, shuffle=shuffle, seed=seed)

    def sample(self, count: int, *, seed: int | None = None) -> Self:
        """As many different documents as asked for, by chance; the same ones for the same seed."""
        return sampling.sample(self, count, seed=seed)

    def shuffle(self, *, seed: int | None = None) -> Self:
        """A new list of the same documents in an order by chance; the same order for the same seed."""
        return sampling.shuffled(self, seed=seed)

    def split_by_tag(self, tag: str) -> dict[Any, Self]:
        """The documents that have this tag in groups, by its value, in the order of first occurrence."""
        return sampling.split_by_tag(self, tag)

    def apply(
        self,
        function: Function,
        *,
        backend: Backend = 'thread',
        num_worker: int | None = None,
        show_progress: bool = False,
    ) -> Self:
        """Put `function(doc)` in the place of every document (the document itself if it returns None).

        `backend='process'` is for functions that keep the interpreter busy. An exception of the function is
        raised here, and the list stays as it was.
        """
        from headrace.documents import applying  # process and pickle modules: 60 ms that others need not pay

        applying.apply(self, function, backend=backend, num_worker=num_worker, show_progress=show_progress)
        return self

    def to_bytes(self) -> bytes:
        """The documents as the bytes of one batch (what travels between processes)."""
        return b''.join(pack(self.table()))

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """The bytes of one batch as documents whose arrays are views of the bytes.

        They are of the class of this list; `headrace.documents.codec.columns.decode` takes the one that the
        bytes describe.
        """
        header, body = read_header(data)
        return cls.from_table(unpack(header, body, cls.doc_type, DEFAULT_LIMITS))

    def to_json(self, *, arrays: Literal['list', 'base64'] = 'list') -> bytes:
        """The documents as a JSON array."""
        return text.to_json(self.rows, arrays=arrays)

    @classmethod
    def from_json(cls, data: bytes | bytearray | memoryview | str) -> Self:
        """A JSON array of objects as documents; DocumentError names the document and field that is wrong."""
        try:
            return cls.from_rows(text.doc_from_json(data, list[cls.doc_type]))  # type: ignore[name-defined]
        except DocumentError as error:
            raise explained(error, data, cls.doc_type) from error

    def to_list(self, *, arrays: Literal['list', 'base64'] = 'list') -> list[dict[str, Any]]:
        """The documents as dicts of plain data."""
        return cast('list[dict[str, Any]]', text.doc_to_plain(self.rows, arrays=arrays))

    @classmethod
    def from_list(cls, dicts: Iterable[dict[str, Any]]) -> Self:
        """Dicts of plain data as documents; DocumentError names the document and field that is wrong."""
        dicts = list(dicts)
        try:
            return cls.from_rows(text.doc_from_plain(dicts, list[cls.doc_type]))  # type: ignore[name-defined]
        except DocumentError as error:
            raise explained(error, dicts, cls.doc_type) from error


def _named(cls: Any, name: str) -> Any:
    """A list class that stands in annotations until there is a document class of that name."""
    if not name.isidentifier():
        raise DocumentError(
            f'DocList[{name!r}] names no document class', help="write the bare name: DocList['Item']"
        )
    return type(f'{cls.__name__}[{name!r}]', (cls,), {'__slots__': (), '_forward': name, 'doc_type': BaseDoc})


def _common_type(docs: Any) -> type[BaseDoc]:
    if isinstance(docs, DocSequence):
        return docs.doc_type
    first = (
        docs if isinstance(docs, BaseDoc) else docs[0] if isinstance(docs, list | tuple) and docs else None
    )
    return (
        type(first)
        if isinstance(first, BaseDoc) and not isinstance(first, DocList.doc_type)
        else DocList.doc_type
    )


def _list_of(docs: Any) -> DocList[Any]:
    """Documents found in others as a list of their class, or of any documents if they differ."""
    if isinstance(docs, DocList):
        return docs
    kinds = {type(doc) for doc in docs}
    found = kinds.pop() if len(kinds) == 1 else BaseDoc if kinds else DocList.doc_type
    return list_type(found).from_rows(list(docs))


def _new_column(field: Field, values: Any, length: int) -> Column:
    if values is None:
        return default_column(field, length)
    if isinstance(values, str | bytes | dict) or not hasattr(values, '__len__'):
        raise DocumentError(
            f'field {field.name!r} of {length} documents needs {length} values, '
            f'got one {type(values).__name__}',
            help=f'write [value] * {length}',
        )
    if len(values) != length:
        raise DocumentError(
            f'field {field.name!r} of {length} documents needs {length} values, got {len(values)}'
        )
    if field.kind is not Kind.ARRAY:
        return column_of(field, values.tolist() if hasattr(values, 'tolist') else list(values))
    if hasattr(values, 'shape') and (is_torch(values) or as_array(values).dtype.kind != 'O'):
        return stack_column(field, values)
    return column_of(field, list(values))


def _restored(doc_type: type[BaseDoc], rows: list[Any]) -> DocList[Any]:
    return list_type(doc_type).from_rows(rows)
