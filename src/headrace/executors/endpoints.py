"""A class in, its endpoints out: collected along its bases, where a subclass wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.errors import ExecutorError
from headrace.executors import location
from headrace.executors.batching import declared_batching
from headrace.executors.decorator import MARK, Declaration, endpoint_name
from headrace.executors.endpoint import Endpoint, endpoint_of
from headrace.spec.suggest import did_you_mean

ENDPOINTS = '__headrace_endpoints__'
"""Where a class of executors keeps them."""

STATE = '__headrace_state__'
"""The attribute of an executor that is ours."""

Bindings = dict[str, tuple[str, Declaration]]
"""Endpoint -> the name of the method that answers it, and how that was declared."""


def endpoints_of(executor: Any) -> dict[str, Endpoint]:
    """The endpoints of a class of executors, or of one executor (whose `requests` may have moved some)."""
    if isinstance(executor, type):
        return dict(getattr(executor, ENDPOINTS))
    return dict(getattr(executor, STATE).endpoints)


def collect(cls: type[Any]) -> dict[str, Endpoint]:
    """The endpoints of a class; raises ExecutorError with file and line for a handler that cannot be one.

    A subclass overrides by method (with a new `@requests` it also moves it to other endpoints) and by
    endpoint; a method overridden with None is no handler any more.
    """
    bindings: Bindings = {}
    for base in reversed(cls.__mro__):
        own = _declared(base)
        replaced = {method for method, _ in own.values()} | {n for n, v in vars(base).items() if v is None}
        bindings = {on: bound for on, bound in bindings.items() if bound[0] not in replaced} | own
    return {on: _endpoint(cls, on, method, declaration) for on, (method, declaration) in bindings.items()}


def rebind(
    cls: type[Any], endpoints: Mapping[str, Endpoint], requests: Mapping[str, str]
) -> dict[str, Endpoint]:
    """The endpoints with the methods in `requests` (`{'/index': 'add'}`) moved to those endpoints.

    The methods need no `@requests`. Raises ExecutorError for one that the class does not have.
    """
    bound = {on: endpoint for on, endpoint in endpoints.items() if endpoint.method not in requests.values()}
    for on, method in requests.items():
        function = getattr(cls, method, None) if isinstance(method, str) else None
        if not callable(function):
            names = [name for name in dir(cls) if not name.startswith('_') and callable(getattr(cls, name))]
            raise ExecutorError(
                f'requests: {on}: {cls.__name__} has no method {method!r}',
                help=did_you_mean(str(method), names, noun='methods'),
            )
        declared = getattr(function, MARK, ())
        name = endpoint_name(on)
        bound[name] = _endpoint(cls, name, method, declared[0] if declared else Declaration((name,)))
    return bound


def _declared(base: type[Any]) -> Bindings:
    found: Bindings = {}
    for method, function in vars(base).items():
        for declaration in getattr(function, MARK, ()):
            for on in declaration.endpoints:
                taken = found.get(on)
                if taken and taken[0] != method:
                    raise ExecutorError(
                        f'{base.__name__}: both {taken[0]!r} and {method!r} answer {on!r} '
                        f'({location.of_function(function)})',
                        help='give one of them another name with @requests(on=...)',
                    )
                found[on] = (method, declaration)
    return found


def _endpoint(cls: type[Any], on: str, method: str, declaration: Declaration) -> Endpoint:
    function: Callable[..., Any] = getattr(cls, method)
    endpoint = endpoint_of(on, function, declaration, method=method, owner=cls.__qualname__)
    return declared_batching(cls, endpoint)
