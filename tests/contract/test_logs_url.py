"""`headrace logs URL`: the Flow that is meant is the one that answers there, if it runs here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from headrace import Executor, Flow, requests
from headrace.cli import main


class Telling(Executor):
    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        print('the executor is made')

    @requests
    def nothing(self, **kwargs: object) -> None: ...


@pytest.fixture(scope='module')
def url() -> Iterator[str]:
    with Flow(name='one_with_a_url', protocol='http').add(name='telling', uses=Telling) as flow:
        yield f'http://127.0.0.1:{flow.ports["http"]}'


def logs(*words: str) -> Result:
    return CliRunner().invoke(main, ['logs', *words])


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost', '0.0.0.0'])
def test_lines_of_the_flow_at_a_url(url: str, host: str) -> None:
    told = logs(url.replace('127.0.0.1', host))
    assert told.exit_code == 0, told.output
    assert 'the executor is made' in told.output


def test_lines_of_one_process_of_it(url: str) -> None:
    assert 'the executor is made' in logs(url, 'telling').output
    assert 'the executor is made' not in logs(url, 'gateway').output
    assert "has no process 'tellnig'" in logs(url, 'tellnig').output


@pytest.mark.parametrize(
    'elsewhere', ['http://192.0.2.1:{port}', 'http://127.0.0.1:1', 'no-such-name.invalid:{port}']
)
def test_of_other_flows_it_says_where_lines_are(url: str, elsewhere: str) -> None:
    there = elsewhere.format(port=url.rpartition(':')[2])
    told = logs(there)
    assert told.exit_code == 1
    assert 'no Flow of yours on this machine answers at' in told.output
    assert 'lines are kept where a Flow runs' in told.output
    assert '/dashboard' in told.output


def test_what_contradicts_itself(url: str) -> None:
    assert 'say both which Flow is meant' in logs(url, '--flow', 'one_with_a_url').output
    assert "'telling' is no address" in logs('telling', 'gateway').output
