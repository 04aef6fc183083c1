"""What executors say beside documents: keys of a request's parameters, united where answers join."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

RESULTS = '__results__'
"""The key in a request's parameters under which executors leave results that are not documents."""

ERRORS = '__errors__'
"""The key in a request's parameters that has the errors of single documents, by document id."""

SHARDS = '__shards__'
"""The key in a request's parameters that has the executors some of whose shards did not answer."""

REPORTS = (RESULTS, ERRORS, SHARDS)


def reported(parameters: dict[str, Any], key: str, more: dict[str, Any]) -> dict[str, Any]:
    """The parameters with `more` under one of these keys, beside what is already there.

    >>> reported({'__errors__': {'a': 1}}, '__errors__', {'b': 2})
    {'__errors__': {'a': 1, 'b': 2}}
    """
    return {**parameters, key: {**parameters.get(key, {}), **more}} if more else parameters


def united(given: dict[str, Any], answers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The parameters of several answers to one request as those of one answer.

    What executors say is united, results of one name by their keys; of all else the first that is new to
    `given`, the parameters of the request, wins. If none has changed, it is `given` itself.
    """
    changed = [parameters for parameters in answers if parameters is not given]
    if not changed:
        return given
    merged: dict[str, Any] = {}
    for parameters in reversed(changed):
        merged |= {key: value for key, value in parameters.items() if value is not given.get(key, ())}
    merged = {**given, **merged}
    for key in REPORTS:
        found = [parameters[key] for parameters in changed if parameters.get(key)]
        if found:
            merged[key] = _by_name(found)
    return merged


def _by_name(found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What was said, by name; where two of a name are dicts, they become one."""
    merged: dict[str, Any] = {}
    for each in found:
        for name, value in each.items():
            earlier = merged.get(name)
            if isinstance(earlier, dict) and isinstance(value, dict):
                merged[name] = {**value, **earlier}
            else:
                merged.setdefault(name, value)
    return merged
