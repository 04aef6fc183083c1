"""The parameters of a request in, those that one executor sees out."""

from __future__ import annotations

from typing import Any

LIMITS = ('limit', 'top_k')
"""The parameters that say how many documents are to be found."""


def addressed(parameters: dict[str, Any], name: str) -> dict[str, Any]:
    """The parameters as the executor `name` sees them: what is addressed to it alone wins.

    >>> addressed({'top_k': 3, 'a__top_k': 5, 'a': {'metric': 'cosine'}}, 'a')
    {'top_k': 5, 'metric': 'cosine'}

    Always a new dict: an executor's changes to it stay with the executor.
    """
    if not parameters:
        return {}
    own = parameters.get(name)
    prefix = f'{name}__'
    if not isinstance(own, dict) and not any(key.startswith(prefix) for key in parameters):
        return parameters.copy()
    seen = {
        key: value
        for key, value in parameters.items()
        if not key.startswith(prefix) and not (key == name and isinstance(value, dict))
    }
    if isinstance(own, dict):
        seen.update(own)
    for key, value in parameters.items():
        if key.startswith(prefix):
            seen[key[len(prefix) :]] = value
    return seen


def limit_of(parameters: dict[str, Any], name: str, schema: dict[str, Any] | None) -> int | None:
    """How many documents the executor `name` is asked to find; None if nobody says.

    It is the parameter `limit` or `top_k`, else its default in `schema`, the JSON Schema of the endpoint's
    typed parameters.

    >>> limit_of({'top_k': 5}, 'index', None), limit_of({'index': {'limit': 3}}, 'index', None)
    (5, 3)
    """
    said = addressed(parameters, name)
    for value in (*map(said.get, LIMITS), *(_defaults(schema) if schema else ())):
        number = int(value) if isinstance(value, str) and value.isdecimal() else value
        if isinstance(number, int) and not isinstance(number, bool) and number > 0:
            return number
    return None


def _defaults(schema: dict[str, Any]) -> list[Any]:
    """The defaults of the limits in a JSON Schema, which may be one of several definitions."""
    own: dict[str, Any] = schema
    if '$ref' in schema:
        own = schema.get('$defs', {}).get(schema['$ref'].rpartition('/')[2], {})
    properties = own.get('properties', {})
    return [properties[name].get('default') for name in LIMITS if name in properties]
