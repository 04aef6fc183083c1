"""The code in README.md and docs/ runs, and prints what the page says it prints.

A page is run from its top in one folder. Each Python block is a program of its own, given to Python on its
standard input. What a reader does not see tells the test what a block is:

    <!-- file: flow.yml -->     the next block is written to this file
    <!-- output -->             the next block is what the program before it prints ("..." is anything)
    <!-- fails -->              the next program ends with an error
    <!-- not run: why -->       the next block is not run

Shell blocks run line by line; what installs or needs the whole repository (`pip`, `git`, `make`) is left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sources import files, text

BLOCK = re.compile(
    r'^(?:<!-- (?P<note>file|output|fails|not run)(?:: (?P<value>.+?))? -->\n+)?'
    r'```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
PAGES = [f for f in files() if f.endswith('.md') and (f == 'README.md' or f.startswith('docs/'))]
NOT_IN_A_TEST = ('pip ', 'git ', 'make ', 'cd ', 'python -m venv', '.venv', '#')
TIMEOUT_S = 60


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, what is to be done with it, its language and text."""

    place: str
    note: str
    value: str
    language: str
    code: str


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page that have a language or a note."""
    content = text(page)
    for found in BLOCK.finditer(content):
        place = f'{page}:{content.count(chr(10), 0, found.start("code"))}'
        note, value = found['note'] or '', (found['value'] or '').strip()
        yield Block(place, note, value, found['language'], found['code'])


@pytest.mark.parametrize('page', [page for page in PAGES if '```' in text(page)])
def test_page(page: str, tmp_path: Path) -> None:
    printed = ''
    for block in blocks(page):
        if block.note == 'file':
            target = tmp_path / block.value
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.code)
        elif block.note == 'output':
            assert matches(block.code, printed), f'{block.place}: it prints\n{printed}'
        elif block.note == 'not run':
            assert block.value, f'{block.place}: say why it is not run'
        elif block.language == 'python':
            printed = run([sys.executable, '-'], block, tmp_path, block.code)
        elif block.language in {'sh', 'bash', 'shell', 'console'}:
            commands = [line.removeprefix('$ ') for line in block.code.splitlines() if line.strip()]
            ours = [line for line in commands if not line.startswith(NOT_IN_A_TEST)]
            printed = ''.join(run(['sh', '-ec', line], block, tmp_path) for line in ours)


def run(command: list[str], block: Block, folder: Path, program: str = '') -> str:
    """Run one block in the folder of its page; return what it prints."""
    env = {
        **os.environ,
        'PATH': f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}',
        'COLUMNS': '120',
    }
    ran = subprocess.run(
        command,
        input=program,
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    failed = ran.returncode != 0
    told = f'{block.place}: it ends with {ran.returncode}\n{program or command[-1]}\n{ran.stdout}{ran.stderr}'
    assert failed == (block.note == 'fails'), told
    return ran.stderr if failed else ran.stdout


def matches(expected: str, printed: str) -> bool:
    """Compare what is printed with what a page says, where `...` is anything; line ends do not count."""
    expected, printed = (
        '\n'.join(line.rstrip() for line in t.strip().splitlines()) for t in (expected, printed)
    )
    return re.fullmatch('.*?'.join(map(re.escape, expected.split('...'))), printed, re.DOTALL) is not None


def test_every_block_says_its_language() -> None:
    bare = [b.place for page in PAGES for b in blocks(page) if not b.language]
    assert not bare, f'write the language after the fence: {bare}'


def test_matches() -> None:
    assert matches('a\n...\nd', 'a  \nb\nc\nd\n')
    assert not matches('a\n...\nd', 'a\nb\nc\n')
    assert not matches('a.c', 'abc')
