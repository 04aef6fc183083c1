"""Documents in; out, their vectors as one array: of those that are searched, and of those who ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from headrace.documents.arrays import as_array
from headrace.documents.base import BaseDoc
from headrace.documents.fields import fields_of
from headrace.documents.metrics import Vectors
from headrace.documents.sequence import DocSequence
from headrace.documents.suggest import did_you_mean
from headrace.errors import DocumentError

if TYPE_CHECKING:
    from headrace.documents.doclist import DocList


class Gallery(NamedTuple):
    """The documents that have a vector, and those vectors as one array (n, d)."""

    docs: DocList[Any]
    vectors: Vectors

    @classmethod
    def of(cls, docs: DocList[Any], on: str, width: int) -> Gallery:
        """The documents whose field `on` is set; `width` is how many numbers a vector has if none is."""
        if not len(docs):
            return cls(docs, np.zeros((0, width)))
        column = _column(docs, on)
        if not isinstance(column, list):
            return cls(docs, as_array(column).reshape(len(docs), -1))
        there = [index for index, value in enumerate(column) if value is not None]
        vectors = [as_array(column[index]).reshape(-1) for index in there]
        return cls(docs[there], _stacked(vectors, there, on) if there else np.zeros((0, width)))


def queries(query: Any, on: str) -> tuple[Vectors, list[str] | None]:
    """The vectors (n, d) of a query, and the ids of those who ask."""
    if isinstance(query, BaseDoc):
        query = DocSequence.from_rows([query])
        values = [getattr(query.rows[0], on, None)]
    elif isinstance(query, DocSequence):
        values = _column(query, on)
    else:
        vectors = as_array(query)
        if vectors.dtype.kind == 'O' or vectors.ndim not in (1, 2):
            raise DocumentError(
                f'a query is a vector (d,), vectors (n, d), a document, documents or a filter, not '
                f'{type(query).__name__} of shape {vectors.shape}',
            )
        return np.atleast_2d(vectors), None
    ids = [doc.id for doc in query.rows]
    for index, value in enumerate(values):
        if value is None:
            raise DocumentError(
                f'document {index} ({ids[index]}) has no {on} to search with', help=f'set its {on} first'
            )
    if not ids:
        return np.zeros((0, 0)), ids
    if not isinstance(values, list):
        return as_array(values).reshape(len(values), -1), ids
    return _stacked([as_array(value).reshape(-1) for value in values], range(len(ids)), on), ids


def _column(docs: Any, on: str) -> Any:
    fields = fields_of(docs.doc_type)
    if on not in fields:
        raise DocumentError(f'{docs.doc_type.__name__} has no field {on!r}', help=did_you_mean(on, fields))
    return docs.column(on)


def _stacked(vectors: list[Any], places: Sequence[int], on: str) -> Vectors:
    for place, vector in zip(places, vectors, strict=True):
        if vector.shape != vectors[0].shape:
            raise DocumentError(
                f'the {on} of document {place} has {vector.size} numbers, that of document {places[0]} '
                f'{vectors[0].size}: they cannot be compared'
            )
    return np.stack(vectors)
