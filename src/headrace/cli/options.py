"""The fields of a spec record in, options of a command out: names, types and help are the record's."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import click
import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo

from headrace.errors import SpecError
from headrace.spec.scalars import resolve
from headrace.spec.tree import parse

Decorated = TypeVar('Decorated', bound=Callable[..., Any])

SPELLING = {
    'ports': 'port',
    'protocols': 'protocol',
    'targets': 'target',
    'pull_secrets': 'pull_secret',
    'monitor_labels': 'monitor_label',
    'latency_endpoints': 'latency_endpoint',
}  # an option that may be repeated is named in the singular
_TYPES: dict[Any, click.ParamType[Any]] = {
    str: click.STRING,
    int: click.INT,
    float: click.FLOAT,
}


class KeyValue(click.ParamType):  # type: ignore[type-arg]  # older versions of click have no type argument
    """`key=value`; the value is a text, or with `typed` also a number, true, false, [1, 2] or {a: b}."""

    name = 'key=value'

    def __init__(self, *, typed: bool) -> None:
        self.typed = typed

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition('=')
        if not equals or not key:
            self.fail(f'{value!r} has to look like key=value', param, ctx)
        if not self.typed:
            return key, text
        if text[:1] not in ('[', '{', '"', "'"):
            return key, resolve(text)  # other signs of YAML are just what they look like
        try:
            return key, parse(text)[0]
        except SpecError as error:
            self.fail(f'the value of {key!r} cannot be read: {error.message}', param, ctx)


def record_options(
    record: type[Struct], *names: str, defaults: bool = True
) -> Callable[[Decorated], Decorated]:
    """Give a command an option for each of these fields; an option that is not given is None or empty.

    `defaults` tells the record's own in the help; leave it out where a file says what they are.

    >>> from headrace.spec import GatewaySpec
    >>> @click.command()
    ... @record_options(GatewaySpec, 'host', 'ports')
    ... def serve(**options): ...
    >>> [option.opts for option in serve.params]
    [['--host'], ['--port']]
    """
    known = {field.name: field for field in msgspec.structs.fields(record)}

    def decorate(function: Decorated) -> Decorated:
        for name in reversed(names):
            function = _option(known[name], defaults)(function)
        return function

    return decorate


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, named as they were, for the readers of `headrace.spec.reading`.

    >>> given({'host': None, 'ports': (), 'env': (('A', '1'),), 'name': 'x'})
    {'env': {'A': '1'}, 'name': 'x'}
    """
    fields: dict[str, Any] = {}
    for name, value in options.items():
        if value is None or value == ():
            continue
        is_pairs = isinstance(value, tuple) and isinstance(value[0], tuple)
        fields[SPELLING.get(name, name)] = (
            dict(value) if is_pairs else list(value) if isinstance(value, tuple) else value
        )
    return fields


def _option(field: FieldInfo, defaults: bool) -> Callable[[Decorated], Decorated]:
    description, bare = _unwrapped(field.type)
    default = _default(field) if defaults else ''
    word = SPELLING.get(field.name, field.name).replace('_', '-')
    settings: dict[str, Any] = {'help': f'{description}{default}', 'default': None}
    flag = f'--{word}'
    origin, arguments = get_origin(bare), get_args(bare)
    if bare is bool:
        flag = f'--{word}/--no-{word}'
    elif origin is dict:
        settings |= {'type': KeyValue(typed=arguments[1] is Any), 'multiple': True}
    elif origin is tuple:
        settings |= {'type': _scalar(arguments[0]), 'multiple': True}
    else:
        settings['type'] = _scalar(bare)
    decorator: Callable[[Decorated], Decorated] = click.option(flag, field.name, **settings)
    return decorator


def _scalar(kind: Any) -> click.ParamType[Any]:
    _, bare = _unwrapped(kind)
    if get_origin(bare) is Literal:
        return click.Choice([str(choice) for choice in get_args(bare)])
    return _TYPES.get(bare, click.STRING)


def _unwrapped(kind: Any) -> tuple[str, Any]:
    """The description of a type, and the type without description, limits and None."""
    description = ''
    while True:
        if get_origin(kind) is Annotated:
            metas = [meta.description for meta in kind.__metadata__ if getattr(meta, 'description', None)]
            description = description or ''.join(metas)
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, types.UnionType):
            kind = next(part for part in get_args(kind) if part is not type(None))
        else:
            return description, kind


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is NODEFAULT or value is None or value in ('', ()) or isinstance(value, bool):
        return ''
    return f'  [default: {", ".join(map(str, value)) if isinstance(value, tuple) else value}]'
