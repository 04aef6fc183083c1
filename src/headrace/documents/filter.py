"""A query such as `{'tags__price': {'$lt': 50}}` in, the documents that it is true of out.

Keys are fields; `__` leads into dicts, nested documents and lists (`tags__size__width`, `chunks__0__text`).
Values are what the field has to be, or operators; several are joined by and. `$and`, `$or`, `$nor` take
lists of queries, `$not` a query or a list of them.

| operator | is true if the field |
|---|---|
| `$eq` `$ne` | is, is not the value (a list field: has it as an item) |
| `$gt` `$gte` `$lt` `$lte` | is greater, less, ... (false for values that cannot be compared) |
| `$in` `$nin` | is, is not one of the values |
| `$regex` | is text in which the pattern is found (no repetition inside a repetition: see `patterns`) |
| `$size` | has as many items |
| `$exists` | is there: neither missing nor None, nor an empty text, blob, list or dict |
| `$not` | does not fulfil the operators given |
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from headrace.documents.patterns import searcher
from headrace.documents.suggest import did_you_mean
from headrace.errors import DocumentError

Query: TypeAlias = Mapping[str, Any]
Predicate: TypeAlias = Callable[[Any], bool]

MAX_DEPTH = 32
"""Queries come from strangers too: deeper nesting than this is refused."""


class _Missing:
    """What a field has that is not there."""

    __slots__ = ()


MISSING = _Missing()


def predicate(query: Query, fields: Sequence[str] | None = None) -> Predicate:
    """Turn a query into a function from a document to bool.

    `fields` are the names that the documents have, if known: a query for another one is then an error. Raises
    DocumentError that names the operator or field that is unknown, and the one that was probably meant.

    >>> from types import SimpleNamespace as Doc
    >>> cheap = predicate({'tags__price': {'$lt': 50}})
    >>> cheap(Doc(tags={'price': 20})), cheap(Doc(tags={}))
    (True, False)
    """
    return _query(query, fields, 0)


def _query(query: Any, fields: Sequence[str] | None, depth: int) -> Predicate:
    if not isinstance(query, Mapping):
        raise _wrong(f'a query is a dict, not {type(query).__name__}: {query!r:.60}')
    if depth > MAX_DEPTH:
        raise _wrong(f'the query is nested more than {MAX_DEPTH} deep')
    parts = [
        _combined(key, value, fields, depth) if key.startswith('$') else _field(key, value, fields, depth)
        for key, value in _text_keys(query)
    ]
    return parts[0] if len(parts) == 1 else _all(parts)


def _combined(key: str, value: Any, fields: Sequence[str] | None, depth: int) -> Predicate:
    if key not in ('$and', '$or', '$nor', '$not'):
        known = ['$and', '$or', '$nor', '$not']
        if key in OPERATORS:
            raise _wrong(f'{key} needs a field', help=f"write {{'field': {{'{key}': ...}}}}")
        raise _wrong(f'unknown operator {key!r}', help=did_you_mean(key, known))
    if key == '$not' and isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list | tuple):
        raise _wrong(f'{key} takes a list of queries, not {type(value).__name__}')
    parts = [_query(part, fields, depth + 1) for part in value]
    if key == '$or':
        return _any(parts)
    return _all(parts) if key == '$and' else _none(parts if key == '$nor' else [_all(parts)])


def _field(path: str, wanted: Any, fields: Sequence[str] | None, depth: int) -> Predicate:
    name, _, rest = path.partition('__')
    if fields is not None and name not in fields:
        raise _wrong(f'the documents have no field {name!r}', help=did_you_mean(name, fields))
    test = _condition(path, wanted, depth)
    if not rest:
        return lambda doc: test(getattr(doc, name, MISSING))
    return lambda doc: test(follow(getattr(doc, name, MISSING), rest))


def follow(value: Any, path: str) -> Any:
    """Follow `a__b__0` from a value into dicts, documents and lists; MISSING where it leads nowhere."""
    while path:
        if isinstance(value, Mapping) and path in value:  # a key may itself have two underscores
            return value[path]
        step, _, path = path.partition('__')
        value = _step(value, step)
    return value


def _step(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step, MISSING)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        index = int(step) if step.lstrip('-').isdecimal() else len(value)
        return value[index] if -len(value) <= index < len(value) else MISSING
    return getattr(value, step, MISSING) if not step.startswith('_') else MISSING


def _condition(path: str, wanted: Any, depth: int) -> Predicate:
    """A test of one value: equality, or all of some operators."""
    operators = [key for key in wanted if str(key).startswith('$')] if isinstance(wanted, Mapping) else []
    if not operators:
        return _equals(wanted)
    if len(operators) < len(wanted):
        raise _wrong(
            f'{path!r} mixes operators and plain keys: {list(wanted)}',
            help='write {field: {$operator: value}}',
        )
    if depth > MAX_DEPTH:
        raise _wrong(f'the query is nested more than {MAX_DEPTH} deep')
    return _all([_operator(path, name, value, depth) for name, value in wanted.items()])


def _operator(path: str, name: str, value: Any, depth: int) -> Predicate:
    if name == '$not':
        return _none([_condition(path, value, depth + 1)])
    if name == '$size' and isinstance(value, Mapping):
        test = _condition(path, value, depth + 1)
        return lambda found: hasattr(found, '__len__') and test(len(found))
    make = OPERATORS.get(name)
    if make is None:
        raise _wrong(f'unknown operator {name!r} for {path!r}', help=did_you_mean(name, [*OPERATORS, '$not']))
    try:
        return make(value)
    except (TypeError, ValueError, re.error) as error:
        raise _wrong(f'{name} of {path!r} cannot take {value!r:.60}: {error}') from error


def _equals(wanted: Any) -> Predicate:
    def holds(value: Any) -> bool:
        if _same(value, wanted):
            return True
        return isinstance(value, list | tuple | set) and any(_same(item, wanted) for item in value)

    return holds


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, np.ndarray) or isinstance(wanted, np.ndarray):
        return value is not MISSING and value is not None and bool(np.array_equal(value, wanted))
    try:
        return bool(value == wanted)
    except (TypeError, ValueError):
        return False


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Any], Predicate]:
    def make(wanted: Any) -> Predicate:
        def holds(value: Any) -> bool:
            try:
                return bool(compare(value, wanted))
            except (TypeError, ValueError):  # a text and a number, a missing value, an array
                return False

        return holds

    return make


def _in(wanted: Any) -> Predicate:
    if not isinstance(wanted, list | tuple | set | frozenset):
        raise TypeError('it needs a list of values')
    return _any([_equals(value) for value in wanted])


def _regex(wanted: Any) -> Predicate:
    search = searcher(wanted)
    return lambda value: isinstance(value, str) and search(value) is not None


def _size(wanted: Any) -> Predicate:
    size = operator.index(wanted)
    return lambda value: hasattr(value, '__len__') and len(value) == size


def _exists(wanted: Any) -> Predicate:
    if not isinstance(wanted, bool):
        raise TypeError('it needs true or false')
    return lambda value: _is_there(value) is wanted


def _is_there(value: Any) -> bool:
    if value is None or value is MISSING:
        return False
    return not isinstance(value, str | bytes | Mapping | Sequence) or len(value) > 0


def _all(parts: list[Predicate]) -> Predicate:
    return lambda value: all(part(value) for part in parts)


def _any(parts: list[Predicate]) -> Predicate:
    return lambda value: any(part(value) for part in parts)


def _none(parts: list[Predicate]) -> Predicate:
    return lambda value: not any(part(value) for part in parts)


OPERATORS: dict[str, Callable[[Any], Predicate]] = {
    '$eq': _equals,
    '$ne': lambda wanted: _none([_equals(wanted)]),
    '$gt': _ordered(operator.gt),
    '$gte': _ordered(operator.ge),
    '$lt': _ordered(operator.lt),
    '$lte': _ordered(operator.le),
    '$in': _in,
    '$nin': lambda wanted: _none([_in(wanted)]),
    '$regex': _regex,
    '$size': _size,
    '$exists': _exists,
}


def _text_keys(query: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    for key in query:
        if not isinstance(key, str):
            raise _wrong(f'the key {key!r} of the query is not a name')
    return list(query.items())


def _wrong(message: str, *, help: str = "example: {'tags__price': {'$lt': 50}}") -> DocumentError:
    return DocumentError(message, help=help)
