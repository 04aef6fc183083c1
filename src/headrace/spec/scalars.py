"""The text of an unquoted YAML scalar in, its value out (YAML 1.2 core: `on`, `yes`, `1:30` are text)."""

from __future__ import annotations

import math
import re

_INT = re.compile(r'[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+')
_FLOAT = re.compile(r'[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?')
_MAX_DIGITS = 1000  # far beyond any number that is meant, and far below what makes int() slow or refuse

_WORDS: dict[str, bool | float | None] = {'': None, '~': None}
_WORDS |= dict.fromkeys(('null', 'Null', 'NULL'))
_WORDS |= dict.fromkeys(('true', 'True', 'TRUE'), True)
_WORDS |= dict.fromkeys(('false', 'False', 'FALSE'), False)
_WORDS |= dict.fromkeys(('.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'), math.inf)
_WORDS |= dict.fromkeys(('-.inf', '-.Inf', '-.INF'), -math.inf)
_WORDS |= dict.fromkeys(('.nan', '.NaN', '.NAN'), math.nan)


def resolve(text: str) -> str | int | float | bool | None:
    """What an unquoted scalar means.

    >>> [resolve(text) for text in ('on', 'true', '8080', '1e3', '1:30', '')]
    ['on', True, 8080, 1000.0, '1:30', None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text, {'0x': 16, '0o': 8}.get(text[:2], 10))
    return float(text) if _FLOAT.fullmatch(text) else text
