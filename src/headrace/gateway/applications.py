"""What a gateway's `uses` and `apps` name in; out, the class and the applications, loaded and checked."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from headrace.errors import LoadError, SpecError
from headrace.executors.modules import import_named
from headrace.gateway.custom import Gateway
from headrace.spec import GatewaySpec
from headrace.spec.suggest import did_you_mean

USES = 'gateway.uses'


def check_applications(spec: GatewaySpec) -> None:
    """Load what a gateway would serve beside its own routes, and construct none of it.

    LoadError for a name that leads nowhere, SpecError for what cannot be served, or not with `uses_with`.
    """
    for path, name in spec.apps.items():
        check_application(application(path, name), name)
    if spec.uses:
        check_arguments(gateway_class(spec.uses), spec.uses_with)


def application(path: str, name: str) -> Any:
    """The application that `gateway.apps` names for a path; LoadError if there is no such thing."""
    return _named(name, f'gateway.apps[{path!r}]')


def check_application(app: object, name: str) -> None:
    """SpecError for what is no ASGI application, as nobody could call it."""
    if not callable(app):
        raise SpecError(f'gateway.apps: {name} is {type(app).__name__}, not an ASGI application')


def gateway_class(uses: str) -> type[Gateway]:
    """The class that `gateway.uses` names; LoadError if there is none, SpecError if it is of no gateway."""
    cls = _named(uses, USES)
    if not isinstance(cls, type) or not issubclass(cls, Gateway):
        raise SpecError(
            f'{USES}: {uses} is no class of a gateway', help='let it be a subclass of headrace.Gateway'
        )
    return cls


def check_arguments(cls: type[Gateway], arguments: Mapping[str, Any]) -> None:
    """SpecError for arguments that a class of gateways does not take, and for those that it lacks."""
    signature = inspect.signature(cls)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        takes = ', '.join(signature.parameters) or 'no arguments'
        raise SpecError(f'gateway.uses_with: {error}', help=f'{cls.__name__} takes {takes}') from None


def _named(name: str, where: str) -> Any:
    """What `module:app` or `file.py:app` names; LoadError if there is no such thing."""
    module, _, attribute = name.rpartition(':')
    if not module:
        raise SpecError(f'{where}: {name!r} names nothing', help='write module:app or file.py:app')
    try:
        loaded = import_named(module)
    except LoadError as error:
        raise LoadError(f'{where}: {error.message}', help=error.help) from error
    found: Any = loaded
    for part in attribute.split('.'):
        if not hasattr(found, part):
            there = [known for known, value in vars(found).items() if callable(value) and known[:1] != '_']
            raise LoadError(
                f'{where}: {module} has no {attribute!r}', help=did_you_mean(part, there, noun='it has')
            )
        found = getattr(found, part)
    return found
