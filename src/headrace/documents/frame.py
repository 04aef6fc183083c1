"""Documents to a pandas DataFrame and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from headrace.documents.build import column_of, default_column
from headrace.documents.codec import hooks
from headrace.documents.codec.text import located
from headrace.documents.fields import Field, Kind, fields_of, missing
from headrace.documents.ids import new_ids
from headrace.documents.schema import is_document
from headrace.documents.table import Column, Table, ValueColumn
from headrace.errors import DocumentError
from headrace.extras import load

if TYPE_CHECKING:
    from headrace.documents.doclist import DocList

_OURS = 'headrace'
_PLAIN = {bool, int, float, str}


def to_dataframe(docs: DocList[Any]) -> Any:
    """Turn documents into a DataFrame, one row per document, one column per field.

    A `Document` has columns only for fields that some document has a value for. Numbers, booleans and text
    have their own dtypes, everything else (arrays, tags, lists of documents, columns with None) are objects.

    >>> to_dataframe(DocList([Document('a')])).columns.tolist()  # doctest: +SKIP
    ['id', 'text']
    """
    pd = load('pandas', extra='pandas')
    table = docs.table()
    columns = {}
    for field in sorted(fields_of(docs.doc_type).values(), key=lambda field: field.name != 'id'):
        column = table.columns.get(field.name)
        if column is None:
            if is_document(docs.doc_type):
                continue
            column = default_column(field, table.length) if table.length else ValueColumn([])
        columns[field.name] = _series(pd, column.rows())
    frame = pd.DataFrame(columns)
    frame.attrs[_OURS] = True
    return frame


def from_dataframe(frame: Any, list_type: type[DocList[Any]]) -> DocList[Any]:
    """Turn a DataFrame into a list of that type, columns by field name.

    Missing values (NaN, NaT, None) become the field's default. Of a frame that Headrace did not make, columns
    that a `Document` has no field for go to `tags`; other document types drop them. DocumentError names the
    column that does not fit.
    """
    pd = load('pandas', extra='pandas')
    known = fields_of(list_type.doc_type)
    length = len(frame)
    columns: dict[str, Column] = {}
    cells = {name: _cells(pd, frame[name], ours=_OURS in frame.attrs) for name in frame.columns}
    for name, values in cells.items():
        field = known.get(name)
        if field is not None:
            columns[name] = _column(field, values)
    if 'id' not in columns:
        columns['id'] = ValueColumn(list(new_ids(length)))
    for field in known.values():
        if field.required and field.name not in columns and length:
            raise missing(field)
    rest = {name: values for name, values in cells.items() if name not in known}
    if rest and 'tags' in known and 'tags' not in columns:
        rows = zip(*rest.values(), strict=True)
        columns['tags'] = ValueColumn(
            [
                {str(name): value for name, value in zip(rest, row, strict=True) if value is not None}
                for row in rows
            ]
        )
    return list_type.from_table(Table(list_type.doc_type, length, columns))


def _series(pd: Any, values: Sequence[Any]) -> Any:
    kinds = {type(value) for value in values}
    if len(kinds) == 1 and kinds <= _PLAIN and not (kinds == {int} and not _fit(values)):
        return pd.Series(values)
    cells = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):  # an assignment of the list would take arrays apart
        cells[index] = value
    return pd.Series(cells, dtype=object)


def _fit(values: Sequence[int]) -> bool:
    return min(values) >= -(2**63) and max(values) < 2**63


def _cells(pd: Any, series: Any, *, ours: bool) -> list[Any]:
    """The cells of a column as Python values, None where there is none."""
    values: list[Any] = series.tolist()
    if ours and (series.dtype == object or series.dtype.kind == 'f'):
        return values
    return [None if pd.api.types.is_scalar(value) and pd.isna(value) else value for value in values]


def _column(field: Field, values: list[Any]) -> Column:
    if field.kind is Kind.VALUE:
        if not field.optional:
            values = [_default(field) if value is None else value for value in values]
        wanted: Any = list[field.annotation]  # type: ignore[name-defined]
        try:
            return ValueColumn(msgspec.convert(values, wanted, strict=False, dec_hook=hooks.convert))
        except msgspec.ValidationError as error:
            raise field.wrong(ValueError(located(str(error)))) from error
    if field.kind is Kind.BYTES and not field.optional:
        values = [b'' if value is None else value for value in values]
    return column_of(field, values)


def _default(field: Field) -> Any:
    if field.required:
        raise DocumentError(f'a value is missing in column {field.name!r}, which has no default')
    return field.make_default()
