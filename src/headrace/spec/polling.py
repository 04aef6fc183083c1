"""What `polling` says in, the way of one endpoint's requests to the shards out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

from headrace.spec.records import ExecutorSpec, Polling

OTHERS = '*'
"""Where `polling` says it of every endpoint that it does not name."""

USUAL: dict[str, Polling] = {'/index': 'KEY', '/update': 'KEY', '/delete': 'KEY', '/search': 'ALL'}
"""What is usual for these endpoints, where nothing is said."""


def polling_of(polling: Polling | Mapping[str, Polling], endpoint: str) -> Polling:
    """Which shards a request to `endpoint` visits.

    What is said of the endpoint wins, then what is said of all ('*', or one word alone), then the usual.

    >>> polling_of({'/search': 'ANY'}, '/search'), polling_of('ANY', '/index'), polling_of({}, '/index')
    ('ANY', 'ANY', 'KEY')
    """
    if isinstance(polling, str):
        return cast('Polling', polling.upper())
    said = polling.get(endpoint) or polling.get(OTHERS)
    return cast('Polling', said.upper()) if said else USUAL.get(endpoint, 'ANY')


def polled(executor: ExecutorSpec) -> tuple[str, ...]:
    """The endpoints that the `polling` of an executor names."""
    return () if isinstance(executor.polling, str) else tuple(set(executor.polling) - {OTHERS})


def spelled(value: Any) -> Any:
    """A value of `polling` as a person writes it, in capitals and with slashes; what is no such word stays.

    >>> spelled({'search': 'all', '*': 'Any'})
    {'/search': 'ALL', '*': 'ANY'}
    """
    if isinstance(value, str):
        return value.upper() if value.upper() in get_args(Polling) else value
    if not isinstance(value, Mapping):
        return value
    return {_endpoint(key): spelled(word) if isinstance(word, str) else word for key, word in value.items()}


def _endpoint(key: Any) -> Any:
    return key if not isinstance(key, str) or key == OTHERS or key.startswith('/') else f'/{key}'
