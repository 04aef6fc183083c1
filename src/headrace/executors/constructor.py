"""What a class's constructor takes: checked before it is called, for slips in `uses_with`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from headrace.errors import ExecutorError
from headrace.executors import location
from headrace.executors.records import RESERVED
from headrace.spec.suggest import did_you_mean


def accepted(cls: type[Any], base: type[Any]) -> list[str]:
    """The names of the arguments that the constructors of a class take, along its bases up to `base`."""
    names: dict[str, None] = {}
    for owner in cls.__mro__:
        if owner is base:
            break
        if '__init__' in vars(owner):
            parameters = _parameters(owner)
            names |= {p.name: None for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return [name for name in names if name not in RESERVED]


def unknown_argument(cls: type[Any], base: type[Any], key: str) -> ExecutorError:
    """The error for an argument that no constructor of `cls` has."""
    return ExecutorError(
        f'{cls.__qualname__} takes no argument {key!r} ({location.of_class(cls)})',
        help=did_you_mean(key, accepted(cls, base), noun='its arguments'),
    )


def arguments_for(
    cls: type[Any], base: type[Any], given: Mapping[str, Any], own: Mapping[str, Any]
) -> dict[str, Any]:
    """The keyword arguments to construct `cls` with: those `given`, and of our `own` those that it names.

    Raises ExecutorError for one that is unknown, and for one that is missing.
    """
    parameters = _parameters(cls)
    is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    named = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    for key in given:
        if key not in named and not is_open:
            raise unknown_argument(cls, base, key)
    arguments = {key: value for key, value in own.items() if key in named and _init_owner(cls) is not base}
    arguments |= given
    for p in parameters:
        if p.name in named and p.default is p.empty and p.name not in arguments:
            raise ExecutorError(
                f'{cls.__qualname__} needs the argument {p.name!r} ({location.of_function(cls.__init__)})',
                help=f'give it: uses_with={{{p.name!r}: ...}}, or in YAML with: {{{p.name}: ...}}',
            )
    return arguments


def _parameters(cls: type[Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(cls.__init__).parameters.values())[1:]


def _init_owner(cls: type[Any]) -> type[Any]:
    return next(owner for owner in cls.__mro__ if '__init__' in vars(owner))
