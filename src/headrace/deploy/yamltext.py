"""Plain data in; out, YAML that every reader takes for the same data: older ones of Kubernetes as well."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from headrace.spec.layout import Layout

_PLAIN = re.compile(r'(--)?[A-Za-z_/][\w./@:=+-]*( [\w./@:=+-]+)*', re.ASCII)
_BREAKS = re.compile('[\r\x85\u2028\u2029\ufeff]')
"""Signs that YAML takes for ends of lines, or drops, unless they are escaped."""
_WORDS = frozenset(['y', 'n', 'yes', 'no', 'on', 'off', 'true', 'false', 'null', 'nan', 'inf'])
"""Words that some readers take for something else than a text."""


class _Dumper(Layout):
    """Texts of several lines as blocks, quotes unless a text is a word."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_word = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    style = '"' if _BREAKS.search(text) else '|' if '\n' in text else None if is_word else "'"
    return dumper.represent_scalar('tag:yaml.org,2002:str', text, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(*documents: Any, comments: Iterable[str] = ()) -> str:
    """Documents as one text, after some lines of comment.

    >>> print(yaml_text({'a': ['y', 'x y', '1e3']}, comments=['three texts']), end='')
    # three texts
    a:
      - 'y'
      - x y
      - '1e3'
    """
    head = ''.join(f'# {" ".join(line.splitlines())}\n' for line in comments)
    bodies = (
        yaml.dump(each, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31)
        for each in documents
    )
    return head + '---\n'.join(bodies)
