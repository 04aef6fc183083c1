"""What an executor's settings mean for the graph, in few words: for plans and drawings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.spec.external import addresses
from headrace.spec.records import ExecutorSpec
from headrace.spec.references import shown

_SIGNS = {
    '$eq': '=',
    '$ne': '!=',
    '$gt': '>',
    '$gte': '>=',
    '$lt': '<',
    '$lte': '<=',
    '$in': 'in',
    '$nin': 'not in',
    '$regex': '~',
    '$size': 'has size',
}


def condition_in_words(query: Mapping[str, Any]) -> str:
    """A filter as people would write it.

    >>> condition_in_words({'tags__kind': {'$eq': 'shoe'}, 'weight': {'$lt': 3}})
    "tags__kind = 'shoe' and weight < 3"
    >>> condition_in_words({'$or': [{'text': 'x'}, {'uri': {'$exists': False}}]})
    "text = 'x' or uri is missing"
    """
    return ' and '.join(_part(key, value, len(query) > 1) for key, value in query.items())


def _part(key: str, value: Any, is_one_of_several: bool) -> str:
    if key in ('$and', '$or'):
        text = f' {key[1:]} '.join(condition_in_words(query) for query in value)
        return f'({text})' if is_one_of_several else text
    if key in ('$not', '$nor'):
        queries = [value] if isinstance(value, Mapping) else value
        return f'not ({(" or " if key == "$nor" else " and ").join(map(condition_in_words, queries))})'
    if not isinstance(value, Mapping) or not any(str(name).startswith('$') for name in value):
        return f'{key} = {value!r}'
    return ' and '.join(_compared(key, name, wanted) for name, wanted in value.items())


def _compared(key: str, name: str, wanted: Any) -> str:
    if name == '$exists':
        return f'{key} is {"there" if wanted else "missing"}'
    if name == '$not':
        return f'not ({_part(key, wanted, False)})'
    if name == '$size' and isinstance(wanted, Mapping):
        return _part(f'size of {key}', wanted, False)
    return f'{key} {_SIGNS.get(name, name)} {wanted!r}'


def entry_in_words(executor: ExecutorSpec) -> str:
    """Which documents come to an executor; '' if all do.

    What its condition took from the environment is written as it stands in its file.
    """
    return condition_in_words(shown(executor)['when'])


def copies_in_words(executor: ExecutorSpec) -> str:
    """How many of it there are; '' if there is one.

    >>> copies_in_words(ExecutorSpec(name='a', replicas=(1, 4), shards=2))
    '2 shards, x1-4 each'
    """
    least, most = executor.least, executor.most
    replicas = f'x{least}' if least == most else f'x{least}-{most}'
    if executor.shards > 1:
        return f'{executor.shards} shards' + ('' if most == 1 else f', {replicas} each')
    return '' if most == 1 else replicas


def place_in_words(executor: ExecutorSpec) -> str:
    """Where an external executor is; '' for any other.

    >>> place_in_words(ExecutorSpec(name='a', external=True, port=(1234,)))
    'grpc://127.0.0.1:1234'
    """
    if not executor.external:
        return ''
    hosts: tuple[str, ...] = shown(executor)['host']
    if hosts != executor.host:  # from the environment: as it stands in its file
        return ', '.join(hosts)
    return ', '.join(map(str, addresses(executor)))
