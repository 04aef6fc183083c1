"""`headrace profile`: real samples of the processes of a real Flow."""

import os
import shutil
import threading
import time
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from headrace import Document, DocumentArray, Executor, Flow, requests
from headrace.cli import main
from headrace.cli.profile import collapsed, functions

PY_SPY = shutil.which('py-spy', path=os.path.dirname(os.sys.executable)) or shutil.which('py-spy')
needs_py_spy = pytest.mark.skipif(PY_SPY is None, reason='py-spy is wanted here')


class Busy(Executor):
    @requests
    def spin_the_wheel(self, docs: DocumentArray, **kwargs):
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            sum(range(1000))


@pytest.fixture(scope='module')
def runtime(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('HEADRACE_RUNTIME_DIR', str(tmp_path_factory.mktemp('run')))
        yield


@contextmanager
def loaded(flow):
    over = threading.Event()

    def ask():
        while not over.is_set():
            flow.post('/', Document())

    caller = threading.Thread(target=ask)
    caller.start()
    try:
        yield
    finally:
        over.set()
        caller.join()


@pytest.fixture(scope='module')
def flow(runtime):
    with Flow(name='wheels').add(uses=Busy, name='busy') as flow, loaded(flow):
        yield flow


def run(*args):
    return CliRunner().invoke(main, ['profile', *args])


@needs_py_spy
def test_the_busy_function_is_told(flow):
    result = run('busy', '--seconds', '2')

    assert result.exit_code == 0, result.output
    rows = [line for line in result.output.splitlines() if '%' in line]
    assert any('spin_the_wheel' in row for row in rows), result.output
    assert 'busy (process' in result.output


@needs_py_spy
def test_every_process_of_the_flow_has_a_table(flow):
    result = run('--flow', 'wheels', '--seconds', '1', '--idle')

    assert result.exit_code == 0, result.output
    assert 'gateway (process' in result.output
    assert 'busy (process' in result.output


@needs_py_spy
@pytest.mark.parametrize(('file', 'content'), [('a.svg', '<svg'), ('a.json', '"profiles"')])
def test_a_file_is_written(flow, tmp_path, file, content):
    result = run('busy', '--seconds', '1', '-o', str(tmp_path / file))

    assert result.exit_code == 0, result.output
    assert content in (tmp_path / file).read_text()


@needs_py_spy
def test_what_cannot_be_is_said(flow, tmp_path):
    assert 'executors and processes' in _help(run('bussy'))
    assert 'the profile of one process' in run('-o', str(tmp_path / 'a.svg')).output
    assert 'ends in one of' in run('busy', '-o', str(tmp_path / 'a.pdf')).output
    assert "no Flow 'nothing'" in run('--flow', 'nothing').output


def _help(result):
    assert result.exit_code == 1
    return result.output


def test_a_function_that_calls_itself_counts_once_per_stack():
    stacks = collapsed('main (a.py:1);fall (a.py:2);fall (a.py:3) 5\nmain (a.py:1) 2')

    assert functions(stacks)['fall (a.py)'] == (5, 5)
    assert functions(stacks)['main (a.py)'] == (2, 7)
