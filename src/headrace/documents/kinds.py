"""The annotation of a field in, the types of values that surely fit it out."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Any, NamedTuple

_NONE = type(None)

Types = frozenset[type[Any]]


class Surely(NamedTuple):
    """Types that surely fit: of the values, of their keys and of their items; None is any at all."""

    values: Types | None
    keys: Types | None = None
    items: Types | None = None


def surely(annotation: Any) -> Surely:
    """The types that surely fit a field of this type.

    >>> surely(dict[str, float]).keys
    frozenset({<class 'str'>})
    """
    members = _members(annotation)
    if Any in members or object in members:
        return Surely(None)
    containers = [member for member in members if typing.get_origin(member) in (dict, list)]
    if not containers:
        return Surely(_kinds(members))
    rest = [member for member in members if member not in containers]
    if len(containers) > 1 or not set(rest) <= {_NONE}:
        return Surely(frozenset())
    origin, inner = typing.get_origin(containers[0]), typing.get_args(containers[0])
    whole = frozenset({origin, *rest})
    keys, items = _types_of(inner[0]) if origin is dict else None, _types_of(inner[-1])
    return Surely(whole, keys, items)


def _types_of(annotation: Any) -> Types | None:
    members = _members(annotation)
    return None if Any in members or object in members else _kinds(members)


def _kinds(members: Sequence[Any]) -> Types:
    """The classes among these; a subclass, or a type with limits, has to be looked at."""
    found = {member for member in members if isinstance(member, type) and typing.get_origin(member) is None}
    found -= {dict, list, tuple, set, frozenset}  # theirs are read anew, so that they are what is promised
    return frozenset(found | {int} if float in found else found)


def _members(annotation: Any) -> tuple[Any, ...]:
    if annotation is None:
        return (_NONE,)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)
