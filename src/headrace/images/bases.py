"""A Dockerfile in; out, the image that its last stage stands on."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LINE = re.compile(
    r'^\s*(?:ARG\s+(?P<name>\w+)(?:=(?P<value>\S*))?'
    r'|FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?)',
    re.MULTILINE | re.IGNORECASE,
)
_VARIABLE = re.compile(r'\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\}|(?P<bare>\w+))')


def base_of(dockerfile: str, arguments: Mapping[str, str]) -> str:
    """The image that the last stage of a Dockerfile stands on; '' if it stands on none, or nobody can know.

    `arguments` are those that the build is given.

    >>> text = 'ARG PYTHON=3.12' + chr(10) + 'FROM python:${PYTHON}-slim AS system' + chr(10) + 'FROM system'
    >>> base_of(text, {}), base_of(text, {'PYTHON': '3.13'})
    ('python:3.12-slim', 'python:3.13-slim')
    """
    values: dict[str, str] = {}
    stages: dict[str, str] = {}
    base = ''
    for line in _LINE.finditer(dockerfile):
        if line['image']:
            said = _filled(line['image'], values)
            base = stages.get(said.lower(), said)
            stages[(line['stage'] or '').lower()] = base
        elif not stages:  # those within a stage mean nothing to FROM
            told = arguments.get(line['name'], _filled((line['value'] or '').strip('"\''), values))
            values[line['name']] = told
    return '' if base == 'scratch' else base


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda it: values.get(it['braced'] or it['bare']) or it['default'] or '', text)
