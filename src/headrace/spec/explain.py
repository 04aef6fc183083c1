"""A value and the type it should have in; out: the value, or a sentence about what does not fit and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal, get_args, get_origin

import msgspec

from headrace.spec.quantities import FORM
from headrace.spec.source import Path, Source
from headrace.spec.suggest import did_you_mean

_WORDS = {
    'str': 'a text',
    'int': 'a whole number',
    'float': 'a number',
    'bool': 'true or false',
    'array': 'a list',
    'object': 'a mapping',
    'null': 'nothing',
    'type': 'a class',
}
_MEANT = {
    **dict.fromkeys(('yes', 'on', 'y', 'true'), 'true'),
    **dict.fromkeys(('no', 'off', 'n', 'false'), 'false'),
}
_PATTERN = 'matching regex'
_STEP = re.compile(r'\[(\d+)\]|\.([^.\[]+)')


def convert(
    value: Any,
    wanted: Any,
    source: Source,
    path: Path,
) -> Any:
    """`value` as the type `wanted`; SpecError that names the place, what was expected and what is there.

    >>> convert('8o80', int, Source('flow.yml'), ('gateway', 'port'))
    Traceback (most recent call last):
    headrace.errors.SpecError: flow.yml: gateway.port: expected a whole number, got '8o80'

    In a file, a text that reads as the number or truth value that is wanted is taken for it: `port: "8080"`
    is a slip of quotes that nobody should have to think about. In Python it is an error.
    """
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        if not source.is_call:
            with suppress(msgspec.ValidationError):
                return msgspec.convert(value, wanted, strict=False)
        text, _, inner = str(error).partition(' - at `')
        path, culprit = _descend(value, inner.rpartition('$')[2].rstrip('`'), path)
        choices = _choices(wanted)
        if text.startswith('Invalid enum value') and choices:
            raise source.error(
                path,
                f'{source.written_at(path) or repr(culprit)} is not possible here',
                help=did_you_mean(str(culprit), choices, noun='possible'),
            ) from None
        meant = _MEANT.get(str(culprit).lower()) if 'expected true or false' in _plain(text) else None
        form = _form(wanted) if _PATTERN in text else ''
        raise source.error(
            path,
            f'{f"expected {form}" if form else _plain(text)}, got {told(culprit, source, path)}',
            help=f'write {meant.title() if source.is_call else meant}' if meant else description(wanted),
        ) from None


def shorten(value: object) -> str:
    """A value as a few words."""
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def told(value: object, source: Source, path: Path) -> str:
    """The value at `path` as a few words; what it took from the environment as it is written there."""
    written = source.written_at(path)
    if not written and source.under(path):
        return 'a mapping' if isinstance(value, Mapping) else 'a list'
    return written or shorten(value)


def _plain(text: str) -> str:
    """`Expected `int` <= 65535` as a person says it."""
    expected = text.partition(', got ')[0].replace('Expected ', 'expected ')
    for symbol, word in (('<=', 'of at most'), ('>=', 'of at least'), ('>', 'above'), ('<', 'below')):
        expected = expected.replace(f' {symbol} ', f' {word} ')
    words = re.sub(r'`([^`]*)`', lambda found: ' or '.join(map(_word, found.group(1).split(' | '))), expected)
    return words.replace(' of length of at least ', ' with a length of at least ')


def _word(name: str) -> str:
    return _WORDS.get(name, name)


def _descend(value: Any, steps: str, path: Path) -> tuple[Path, Any]:
    for index, key in _STEP.findall(steps):
        step: int | str = int(index) if index else key
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            break
        path = (*path, step)
    return path, value


def _choices(wanted: Any) -> list[str]:
    """The words that a Literal somewhere in this type allows."""
    if get_origin(wanted) is Literal:
        return [str(choice) for choice in get_args(wanted)]
    return [choice for part in get_args(wanted) for choice in _choices(part)]


def _form(wanted: Any) -> str:
    """How a text has to look, in words, if its type says it; nobody reads patterns."""
    metas = getattr(wanted, '__metadata__', ())
    own = next((str(meta.extra[FORM]) for meta in metas if FORM in (meta.extra or {})), '')
    return own or next(filter(None, map(_form, get_args(wanted))), '')


def description(wanted: Any) -> str:
    """What the field is for, if its type says it."""
    return next(
        (str(meta.description) for meta in getattr(wanted, '__metadata__', ()) if meta.description), ''
    )
