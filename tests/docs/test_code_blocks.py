"""The code in README.md and docs/ runs, and prints what the page says it prints.

A page is followed from its top in one folder. Each Python block is a program of its own, given to Python on
its standard input. What a reader does not see tells the test what a block is:

    <!-- file: flow.yml -->     the next block is written to this file
    <!-- output -->             the next block is what the program before it prints ("..." is anything)
    <!-- fails -->              the next program ends with an error
    <!-- serves: ready -->      the next command goes on until the end of the page; it prints "ready" first
    <!-- needs: torch -->       the next program is left out where this tool is missing
    <!-- not run: why -->       the next block is not run
    <!-- ports: 8080 -->        anywhere: free ports take the place of these numbers on the whole page

Shell blocks run line by line; what installs or needs the whole repository (`pip`, `git`, `make`) is left out.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from needs import REQUIRED, missing
from sources import files, text

BLOCK = re.compile(
    r'^(?:<!-- (?P<note>file|output|fails|serves|needs|not run)(?:: (?P<value>.+?))? -->\n+)?'
    r'```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
PORTS = re.compile(r'^<!-- ports: ([\d ]+) -->$', re.MULTILINE)
PAGES = [f for f in files() if f.endswith('.md') and (f == 'README.md' or f.startswith('docs/'))]
NOT_IN_A_TEST = ('pip ', 'git ', 'make ', 'cd ', 'python -m venv', '.venv', '#')
SHELLS = {'sh', 'bash', 'shell', 'console'}
TIMEOUT_S = 60


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, what is to be done with it, its language and text."""

    place: str
    note: str
    value: str
    language: str
    code: str

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block that a test runs; a line that ends with a backslash goes on."""
        lines = self.code.replace('\\\n', ' ').splitlines()
        return [
            c for line in lines if (c := line.removeprefix('$ ').strip()) and not c.startswith(NOT_IN_A_TEST)
        ]


def blocks(page: str, content: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for found in BLOCK.finditer(content):
        place = f'{page}:{content.count(chr(10), 0, found.start("code"))}'
        note, value = found['note'] or '', (found['value'] or '').strip()
        yield Block(place, note, value, found['language'], found['code'])


class Reader:
    """Somebody who does what a page says, block by block, in one folder; `printed` is what came last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed: str | None = ''
        self._left_open = ExitStack()
        path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
        self._environment = {**os.environ, 'PATH': path, 'COLUMNS': '120', 'PYTHONUNBUFFERED': '1'}

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self._left_open.close()

    def follow(self, block: Block) -> None:
        """Do what a block says."""
        if block.note == 'file':
            (self.folder / block.value).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / block.value).write_text(block.code)
        elif block.note == 'output':
            told = self.printed
            assert told is None or matches(block.code, told), f'{block.place}: it prints\n{told}'
        elif block.note == 'not run':
            assert block.value, f'{block.place}: say why it is not run'
        elif block.note == 'serves':
            self._left_open.callback(self._stop, self._serve(block), block)
        elif block.language == 'python':
            can_run = block.note != 'needs' or is_there(block.value)
            self.printed = self._run([sys.executable, '-'], block, block.code) if can_run else None
        elif block.language in SHELLS:
            can_run = all(map(has_tools, block.commands))
            told = [self._run(['sh', '-ec', command], block) for command in block.commands if can_run]
            self.printed = ''.join(told) if can_run else None

    def _run(self, command: list[str], block: Block, program: str = '') -> str:
        options = {'cwd': self.folder, 'env': self._environment, 'text': True, 'timeout': TIMEOUT_S}
        ran = subprocess.run(command, input=program, capture_output=True, check=False, **options)
        failed = ran.returncode != 0
        told = f'{program or command[-1]}\n{ran.stdout}{ran.stderr}'
        assert failed == (block.note == 'fails'), f'{block.place}: it ends with {ran.returncode}\n{told}'
        return ran.stderr if failed else ran.stdout

    def _serve(self, block: Block) -> subprocess.Popen[str]:
        (command,) = block.commands
        command = re.sub(r'^((?:\w+=\S+ )*)', r'\1exec ', command)  # signals are for it, not for the shell
        pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT, 'text': True}
        server = subprocess.Popen(['sh', '-c', command], cwd=self.folder, env=self._environment, **pipes)
        assert server.stdout
        seen = ''
        while block.value not in seen:  # pytest's time limit ends a wait that lasts
            line = server.stdout.readline()
            assert line, f'{block.place}: it ends with {server.wait()} and says\n{seen}'
            seen += line
        return server

    @staticmethod
    def _stop(server: subprocess.Popen[str], block: Block) -> None:
        server.send_signal(signal.SIGINT)
        try:
            rest, _ = server.communicate(timeout=TIMEOUT_S)
        finally:
            server.kill()
        assert server.returncode == 0, f'{block.place}: Ctrl-C ends it with {server.returncode}\n{rest}'


def has_tools(command: str) -> bool:
    """Say whether a command can run here; it fails where what is missing is required."""
    return not command.startswith('curl ') or is_there('curl')


def is_there(tool: str) -> bool:
    """Say whether this machine has a tool; it fails where one that is missing is required."""
    if not (reason := missing(tool)):
        return True
    assert not REQUIRED & {tool, 'all'}, reason
    return False


def with_free_ports(content: str) -> str:
    """Put free ports in the place of those that a page names."""
    ports = {port for line in PORTS.findall(content) for port in line.split()}
    with ExitStack() as doors:
        for port in ports:
            door = doors.enter_context(socket.create_server(('127.0.0.1', 0)))
            content = content.replace(port, str(door.getsockname()[1]))
    return content


@pytest.mark.parametrize('page', [page for page in PAGES if '```' in text(page)])
def test_page(page: str, tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for block in blocks(page, with_free_ports(text(page))):
            reader.follow(block)


def matches(expected: str, printed: str) -> bool:
    """Compare what is printed with what a page says, where `...` is anything; line ends do not count."""
    expected, printed = (
        '\n'.join(line.rstrip() for line in t.strip().splitlines()) for t in (expected, printed)
    )
    return re.fullmatch('.*?'.join(map(re.escape, expected.split('...'))), printed, re.DOTALL) is not None


def test_every_block_says_its_language() -> None:
    bare = [b.place for page in PAGES for b in blocks(page, text(page)) if not b.language]
    assert not bare, f'write the language after the fence: {bare}'


def test_matches() -> None:
    assert matches('a\n...\nd', 'a  \nb\nc\nd\n')
    assert not matches('a\n...\nd', 'a\nb\nc\n')
    assert not matches('a.c', 'abc')
