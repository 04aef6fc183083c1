"""The pages on security name tests, settings and defaults that there are."""

from __future__ import annotations

import ast
import re
from functools import cache

import msgspec
import pytest
from sources import ROOT, text

from headrace.spec.limits import LimitsSpec

NAMED = sorted(set(re.findall(r'`(tests/[\w/]+\.py)::(\w+)`', text('docs/threat-model.md'))))


@cache
def functions(path: str) -> frozenset[str]:
    nodes = ast.walk(ast.parse((ROOT / path).read_text(encoding='utf-8')))
    return frozenset(each.name for each in nodes if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_threat_model_names_tests() -> None:
    assert len(NAMED) > 40
    defended = text('docs/threat-model.md').partition('## What is defended')[2]
    rows = re.findall(r'^\| [^|]+ \| [^|]+ \| ([^|]+) \|$', defended, re.MULTILINE)
    assert [row for row in rows if '::' not in row and row != 'Test'] == []


@pytest.mark.parametrize(('path', 'name'), NAMED)
def test_each_named_test_exists(path: str, name: str) -> None:
    assert name in functions(path), f'{path} has no {name}: correct docs/threat-model.md'


@pytest.mark.parametrize('field', msgspec.structs.fields(LimitsSpec), ids=lambda field: field.name)
def test_each_limit_is_documented_with_its_default(field: msgspec.structs.FieldInfo) -> None:
    rows = re.findall(rf'^\| `{field.name}` \|[^|]+\| ([^|]+) \|', text('docs/security.md'), re.MULTILINE)
    assert rows == ['none' if field.default is None else str(field.default)]
