"""`headrace client` and `ping` where callers show who they are, and documents that come as they are made."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headrace import Document, Executor, Flow, requests
from headrace.cli.program import main
from headrace.gateway.security import keys


class Spelling(Executor):
    @requests(on='/spell')
    async def spell(self, doc: Document, **_: Any) -> AsyncIterator[Document]:
        for letter in doc.text:
            yield Document(letter)

    @requests(on='/fail')
    def fail(self, **_: Any) -> None:
        raise ValueError('no such letter')


@pytest.fixture(scope='module')
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key; beside it, what the gateway keeps of it."""
    folder = tmp_path_factory.mktemp('keys')
    text, kept = keys.new_key('tester')
    keys.write(folder / 'keys.json', keys.KeyFile((kept,)))
    (folder / 'key.txt').write_text(f'{text}\n')
    return folder / 'key.txt'


@pytest.fixture(scope='module', params=['grpc', 'http', 'websocket'])
def address(request: pytest.FixtureRequest, key_file: Path) -> Iterator[str]:
    security = {'keys': str(key_file.with_name('keys.json'))}
    with Flow(protocol=request.param, security=security).add(uses=Spelling) as flow:
        scheme = {'websocket': 'ws'}.get(request.param, request.param)
        yield f'{scheme}://127.0.0.1:{flow.port}'


def headrace(*arguments: object, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize('stream', [True, False])
def test_a_key_from_a_file(address: str, key_file: Path, stream: bool) -> None:
    options = ['--text', 'ab', '--text', 'c', '--key-file', key_file, *(['--stream'] if stream else [])]
    answer = headrace('client', address, '/spell', *options)
    assert answer.exit_code == 0, answer.output
    assert [json.loads(line)['text'] for line in answer.stdout.splitlines()] == ['a', 'b', 'c']


def test_a_key_from_the_environment(address: str, key_file: Path) -> None:
    answer = headrace('client', address, '/spell', '--text', 'a', HEADRACE_API_KEY=key_file.read_text())
    assert answer.exit_code == 0, answer.output


def test_without_a_key_nothing_is_told_but_how_to_get_in(address: str) -> None:
    answer = headrace('client', address, '/spell', '--text', 'a')
    assert (answer.exit_code, answer.stdout) == (1, '')
    assert 'key' in answer.stderr


def test_who_shows_nothing_is_told_the_options_of_the_command(address: str) -> None:
    answer = headrace('client', address, '/spell', '--text', 'a')
    assert '--key-file FILE or HEADRACE_API_KEY' in answer.stderr


def test_a_failure_leads_to_its_log(address: str, key_file: Path) -> None:
    answer = headrace('client', address, '/fail', '--text', 'a', '--key-file', key_file)
    assert 'no such letter' in answer.stderr
    assert re.search(r'headrace logs --request [0-9a-f]{32}', answer.stderr)


def test_ping_needs_none_but_takes_one(address: str, key_file: Path) -> None:
    assert headrace('ping', address).exit_code == 0
    assert headrace('ping', address, '--key-file', key_file).exit_code == 0


def test_a_file_that_is_not_there_is_told(address: str, tmp_path: Path) -> None:
    answer = headrace('client', address, '/spell', '--key-file', tmp_path / 'nowhere')
    assert answer.exit_code != 0
    assert 'nowhere cannot be read' in answer.stderr
