"""What is wanted of the GraphQL door, as plain frozen data: what is read, what may be seen, limits."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.spec.quantities import Count


class GraphqlSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How endpoints become a GraphQL schema, and how much one operation may ask for."""

    queries: Annotated[
        tuple[str, ...],
        Meta(description='Endpoints that only read, such as /lookup: they are queries, and may be GET.'),
    ] = ()
    mutations: Annotated[
        tuple[str, ...],
        Meta(description='Endpoints that write though their names say otherwise: they are mutations.'),
    ] = ()
    introspection: Annotated[
        bool, Meta(description='Whether clients may ask for the schema; GraphiQL completes nothing without.')
    ] = True
    page: Annotated[bool, Meta(description='Whether browsers get GraphiQL at /graphql.')] = True
    max_query_bytes: Annotated[
        Count, Meta(description='Longest query text; documents in variables do not count.')
    ] = 65_536
    max_tokens: Annotated[Count, Meta(description='Words, numbers and signs of a query.')] = 5_000
    max_depth: Annotated[Count, Meta(description='Selections within each other.')] = 16
    max_cost: Annotated[
        Count, Meta(description='Fields that are asked for; those of documents in a list count ten times.')
    ] = 100_000
    max_aliases: Annotated[Count, Meta(description='Aliases in a query.')] = 32
    max_calls: Annotated[Count, Meta(description='Endpoints that one operation calls.')] = 16
