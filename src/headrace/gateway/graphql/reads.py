"""An endpoint in; out, whether it only reads: then it is a query, else a mutation."""

from __future__ import annotations

import re

from headrace.errors import SpecError
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, FlowInfo
from headrace.spec.graphql import GraphqlSpec
from headrace.spec.suggest import did_you_mean

READS = frozenset(
    ('count', 'describe', 'fetch', 'filter', 'find', 'get', 'info', 'list', 'lookup', 'query', 'rank', 'read')
) | frozenset(('recommend', 'rerank', 'search', 'show', 'stats', 'status', 'suggest', 'view'))
"""First words of endpoints that say that they read."""


class Reads:
    """Tells the endpoints that read: those that the spec lists, and those whose names say so.

    A name says so by the first word of its last part: /search, /shop/find-similar, /getItem. One that must
    not run twice does more than to read.

    >>> reads = Reads(GraphqlSpec(queries=('/lookalikes',)))
    >>> reads.names('/lookalikes'), reads.names('/find_it'), reads.names('/index')
    (True, True, False)
    """

    def __init__(self, spec: GraphqlSpec) -> None:
        self._queries = frozenset(spec.queries)
        self._mutations = frozenset(spec.mutations)

    def names(self, endpoint: str) -> bool:
        """Whether an endpoint of this name reads, as far as the name says it."""
        if endpoint in self._mutations:
            return False
        return endpoint in self._queries or _first_word(endpoint) in READS

    def __call__(self, endpoint: EndpointInfo) -> bool:
        """Whether an endpoint reads."""
        return self.names(endpoint.name) and (endpoint.idempotent or endpoint.name in self._queries)

    def check(self, info: FlowInfo) -> None:
        """Raise SpecError for an endpoint in the spec that the Flow has not."""
        known = [endpoint.name for endpoint in info.endpoints]
        both = self._queries & self._mutations
        if both:
            raise SpecError(f'gateway: graphql has {min(both)!r} both in queries and in mutations')
        for name in sorted(self._queries | self._mutations):
            if name not in known and DEFAULT_ENDPOINT not in known:
                raise SpecError(
                    f'gateway: graphql names the endpoint {name!r}, which no executor serves',
                    help=did_you_mean(name, known, noun='endpoints'),
                )


def _first_word(endpoint: str) -> str:
    last = endpoint.rstrip('/').rpartition('/')[2]
    found = re.match(r'[a-z]+|[A-Z][a-z]*', last)
    return found[0].lower() if found else ''
