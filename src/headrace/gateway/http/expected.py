"""What an endpoint is sent, and what it gives: for whatever reads requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from headrace.documents import DocList
from headrace.gateway.strangers import Strangers
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo


class Expected(NamedTuple):
    """The list that an endpoint takes, and the class of what it gives (None: whichever class it is of).

    `info` is None for endpoints that nobody describes. `parameters` has the names of all parameters, also
    those for one executor (`shop__limit`), or is None if any may be sent. `strangers` knows what becomes of
    keys of documents that no field has.
    """

    takes: type[DocList[Any]]
    gives: type[Any] | None = None
    info: EndpointInfo | None = None
    parameters: frozenset[str] | None = None
    strangers: Strangers = Strangers()


def parameters_of(endpoint: str, executors: Iterable[ExecutorInfo]) -> frozenset[str] | None:
    """The names of all parameters that executors take at an endpoint; None if one of them takes any."""
    names: set[str] = set()
    for executor in executors:
        info = executor.endpoint(endpoint)
        if info is None:
            continue
        own = _properties(info.parameters)
        if own is None:
            return None
        names |= own | {f'{executor.name}__{name}' for name in own}
    return frozenset(names)


def _properties(schema: dict[str, Any] | None) -> set[str] | None:
    """The names in the JSON Schema of parameters, which may be one of several definitions."""
    if schema is None:
        return None
    if '$ref' in schema:
        schema = schema.get('$defs', {}).get(schema['$ref'].rpartition('/')[2], {})
    if schema.get('additionalProperties') or 'properties' not in schema:
        return None
    return set(schema['properties'])
