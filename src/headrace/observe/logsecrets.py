"""Facts of a log line in; the same without passwords, tokens and keys out, however deep they lie."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

HIDDEN = '***'
LEFT_OUT = '...'
"""What stands for values that lie too deep, or come after too many others, to be looked through."""

DEEPEST = 8
MOST = 1000
"""How deep facts are looked through, and at how many of their values: a line costs no more than that."""

_ONE = ('authorization', 'cookie', 'password', 'passwd', 'passphrase', 'secret', 'apikey', 'credential')
_KEYS = ('api_key', 'access_key', 'private_key', 'secret_key')
SECRET = ('token', *_ONE, *_KEYS, *(f'{name}s' for name in (*_ONE, *_KEYS)))
"""Names that end like this are of something secret. (`tokens` are mostly a number, of a language model.)"""

_LONGEST = max(map(len, SECRET))
_PLAIN = frozenset((str, bytes, int, float, bool, type(None)))
_ROWS = (list, tuple, set, frozenset, deque)


def is_secret(name: object) -> bool:
    """Whether a name is that of a secret, as a Python name or as a header.

    >>> is_secret('db_password'), is_secret(b'X-Api-Key'), is_secret('accessToken'), is_secret('tokens')
    (True, True, True, False)
    """
    if isinstance(name, bytes):
        name = name[-_LONGEST:].decode('latin1')
    return isinstance(name, str) and _ends_secret(name[-_LONGEST:])


@lru_cache(maxsize=1024)
def _ends_secret(end: str) -> bool:
    return end.lower().replace('-', '_').endswith(SECRET)


def without_secrets(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts, with `HIDDEN` for every secret in mappings, records, lists, and pairs of a name and a value.

    Nothing that was given is changed. What cannot be looked through is left out, not told.

    >>> without_secrets({'size': 3, 'login': {'user': 'ann', 'password': 'x'}})
    {'size': 3, 'login': {'user': 'ann', 'password': '***'}}
    """
    search = _Search()
    return {key: search.told(key, value) for key, value in facts.items()}


class _Search:
    """Goes through the facts of one line, with an end to it; what has nothing to hide stays what it is."""

    def __init__(self) -> None:
        self._left = MOST
        self._hidden = 0

    def told(self, name: object, value: Any, depth: int = 0) -> Any:
        """What is told of the value that has this name."""
        if is_secret(name):
            self._hidden += 1
            return HIDDEN
        return value if type(value) in _PLAIN else self._inside(value, depth)

    def _inside(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth >= DEEPEST:
            return self._left_out()
        before = self._hidden
        try:
            named = _named(value)
            if named is not None:
                found: Any = self._mapping(named, depth + 1)
            elif isinstance(value, _ROWS):
                found = self._row(value, depth + 1)
        except Exception as error:  # it is no log's business what objects do when they are looked at
            return f'<no text: {type(error).__name__}>'
        return value if self._hidden == before else found

    def _left_out(self) -> str:
        self._hidden += 1
        return LEFT_OUT

    def _mapping(self, named: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for name, value in named.items():
            self._left -= 1
            if self._left < 0:
                return {**found, LEFT_OUT: self._left_out()}
            found[name] = self.told(name, value, depth)
        return found

    def _row(self, row: Iterable[Any], depth: int) -> Iterable[Any]:
        values = list(row)
        if len(values) == 2 and isinstance(values[0], (str, bytes)):  # as in the headers of a request
            return [values[0], self.told(values[0], values[1], depth)]
        if _PLAIN.issuperset(map(type, values)):
            return values
        found = [self.told('', value, depth) for value in values[: max(0, self._left)]]
        return found if len(found) == len(values) else [*found, self._left_out()]


def _named(value: Any) -> Mapping[Any, Any] | None:
    """The values of a mapping or a record by their names; None for what has no names."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (each.name for each in dataclasses.fields(value))
        return {name: getattr(value, name, None) for name in fields}
    if isinstance(value, tuple) and hasattr(value, '_fields'):
        return dict(zip(value._fields, value, strict=True))
    return None
