"""Plain data in, YAML text out, written so that neither our reader nor an older one misreads a text."""

from __future__ import annotations

import re
from typing import Any

import yaml
from msgspec import Struct

from headrace.spec.layout import Layout
from headrace.spec.scalars import resolve
from headrace.spec.substitute import escape

_BREAKS = re.compile('[\x85\u2028\u2029\ufeff]')  # YAML takes them for ends of lines, or drops them


class Expression(Struct, frozen=True):
    """A text to be written as it is, with its `${{ ENV.X }}`; `is_text` if a text shall be read from it."""

    text: str
    is_text: bool


def as_expression(text: str, value: Any) -> Expression:
    """An expression that stands for `value`."""
    return Expression(text, is_text=isinstance(value, str))


class _Dumper(Layout):
    """Short lists in one line, quotes where a text could be taken for something else."""


def emit(data: Any) -> str:
    """Write data as YAML.

    >>> print(emit({'protocol': ['grpc', 'http'], 'name': 'on', 'version': '1'}), end='')
    protocol: [grpc, http]
    name: 'on'
    version: '1'
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    text = escape(value)
    misread = not isinstance(resolve(text), str)
    style = '"' if _BREAKS.search(text) else "'" if misread else None
    return dumper.represent_scalar('tag:yaml.org,2002:str', text, style=style)


def _expression(dumper: yaml.SafeDumper, value: Expression) -> yaml.ScalarNode:
    style = ('"' if _BREAKS.search(value.text) else "'") if value.is_text else None
    return dumper.represent_scalar('tag:yaml.org,2002:str', value.text, style=style)


def _list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.SequenceNode:
    short = all(isinstance(value, str | int | float | None) for value in values) and len(str(values)) < 80
    return dumper.represent_sequence('tag:yaml.org,2002:seq', values, flow_style=short)


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    special = {float('inf'): '.inf', -float('inf'): '-.inf'}
    digits = (
        repr(value) if '.' in repr(value) else repr(value).replace('e', '.0e')
    )  # older readers want a dot
    text = '.nan' if value != value else special.get(value, digits)
    return dumper.represent_scalar('tag:yaml.org,2002:float', text)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Expression, _expression)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(float, _number)
