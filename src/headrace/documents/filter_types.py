"""A query held against the types of the fields that it asks for, before it silently finds nothing.

Only what can be known is checked: fields with a plain type, of the documents and of those within them. Tags
and other dicts hold anything.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from headrace.documents.base import BaseDoc
from headrace.documents.fields import Field, Kind, fields_of
from headrace.errors import DocumentError

_NUMBERS = (int, float, decimal.Decimal, np.number, np.bool_)
_COMPARABLE: dict[Any, tuple[type, ...]] = {
    int: _NUMBERS,
    float: _NUMBERS,
    bool: _NUMBERS,
    decimal.Decimal: _NUMBERS,
    str: (str,),
    bytes: (bytes, bytearray),
    uuid.UUID: (uuid.UUID,),
    datetime.datetime: (datetime.datetime,),
    datetime.date: (datetime.date,),
    datetime.time: (datetime.time,),
    datetime.timedelta: (datetime.timedelta,),
}
_SINGLE = frozenset(['$eq', '$ne', '$gt', '$gte', '$lt', '$lte'])
_SEVERAL = frozenset(['$in', '$nin'])


def check_types(query: Mapping[str, Any], doc_type: type[BaseDoc]) -> None:
    """Raise DocumentError if a well-formed query compares a field with what it can never be.

    >>> class Item(BaseDoc):
    ...     price: float = 0.0
    >>> check_types({'price': {'$lt': '5'}}, Item)
    Traceback (most recent call last):
    headrace.errors.DocumentError: the field 'price' of Item is a float, and '5' is a str
      help: write a value that can be compared with a float
    """
    for key, value in query.items():
        if key.startswith('$'):
            for part in [value] if isinstance(value, Mapping) else value:
                check_types(part, doc_type)
            continue
        found = _field(doc_type, key)
        allowed = None if found is None else _COMPARABLE.get(found.type)
        if found is not None and allowed is not None:
            _check(key, found, allowed, (value, doc_type))


def _check(path: str, field: Field, allowed: tuple[type, ...], asked: tuple[Any, type[BaseDoc]]) -> None:
    condition, doc_type = asked
    for value in _compared(condition):
        if value is None or isinstance(value, allowed):
            continue
        name = field.type.__name__
        raise DocumentError(
            f'the field {path!r} of {doc_type.__name__} is a {name}, and {value!r:.60} is a '
            f'{type(value).__name__}',
            help=f'write a value that can be compared with a {name}',
        )
    if field.type is not str and isinstance(condition, Mapping) and '$regex' in condition:
        raise DocumentError(
            f'the field {path!r} of {doc_type.__name__} is a {field.type.__name__}, and $regex is for text',
            help='compare it with $eq, $lt, $gt or $in',
        )


def _compared(condition: Any) -> Iterator[Any]:
    """All values that a condition compares a field with."""
    if not isinstance(condition, Mapping) or not any(str(key).startswith('$') for key in condition):
        yield condition
        return
    for name, value in condition.items():
        if name in _SINGLE:
            yield value
        elif name in _SEVERAL:
            yield from value
        elif name == '$not':
            yield from _compared(value)


def _field(doc_type: type[BaseDoc], path: str) -> Field | None:
    """The field that a path leads to, as long as it goes through documents; None where it leaves them."""
    name, _, rest = path.partition('__')
    found = fields_of(doc_type).get(name)
    if not rest or found is None:
        return found
    if found.kind is Kind.LIST and rest.partition('__')[0].lstrip('-').isdecimal():
        rest = rest.partition('__')[2]
        return _field(found.type.doc_type, rest) if rest else None
    return _field(found.type, rest) if found.kind is Kind.DOC else None
