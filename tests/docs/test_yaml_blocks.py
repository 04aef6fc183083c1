"""The YAML in README.md and docs/ is read as the settings of a Flow, whole or in part."""

from __future__ import annotations

import re

import pytest
from sources import files, text

from headrace import Flow

BLOCK = re.compile(
    r'^(?:<!-- (?P<note>.+?) -->\n+)?```ya?ml[^\n]*\n(?P<code>.*?)^```$', re.MULTILINE | re.DOTALL
)
FROM_ENVIRONMENT = re.compile(r'\$\{\{\s*ENV\.(\w+)')
FROM_CONTEXT = re.compile(r'\$\{\{\s*CONTEXT\.(\w+)')
OURS = re.compile(r'^(executors|gateway|observe):', re.MULTILINE)
PAGES = [f for f in files() if f.endswith('.md') and (f == 'README.md' or f.startswith('docs/'))]
BLOCKS = [
    pytest.param(found['code'], id=f'{page}:{text(page)[: found.start()].count(chr(10)) + 1}')
    for page in PAGES
    for found in BLOCK.finditer(text(page))
    if OURS.search(found['code']) and not (found['note'] or '').startswith('not ')
]


def test_there_are_some() -> None:
    assert len(BLOCKS) > 10


@pytest.mark.parametrize('code', BLOCKS)
def test_a_block_is_what_a_flow_reads(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FROM_ENVIRONMENT.findall(code):
        monkeypatch.setenv(name, '1')

    Flow.load_config(code, context=dict.fromkeys(FROM_CONTEXT.findall(code), 1))
