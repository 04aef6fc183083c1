"""The program of the README: as a script, on standard input, with 1 000 documents, from YAML, in-process."""

import subprocess
import sys
import textwrap

import pytest

from headrace import DocumentArray, Executor, Flow, requests

PROGRAM = """\
from headrace import DocumentArray, Executor, Flow, requests

class MyExec(Executor):
    @requests
    async def foo(self, docs: DocumentArray, **kwargs):
        for d in docs:
            d.text += 'hello, world!'

f = Flow().add(uses=MyExec).add(uses=MyExec)

with f:
    r = f.post('/', DocumentArray.empty({n}))
    print(r.texts)
"""
EXPECTED = 'hello, world!' * 2


def run(arguments, *, stdin='', cwd=None):
    done = subprocess.run(
        [sys.executable, *arguments], input=stdin, capture_output=True, text=True, timeout=60, cwd=cwd
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    return done.stdout


def test_as_a_script_without_a_main_guard(tmp_path):
    script = tmp_path / 'hello.py'
    script.write_text(PROGRAM.format(n=2))
    assert run([str(script)], cwd=tmp_path) == f'{[EXPECTED] * 2}\n'


def test_on_standard_input(tmp_path):
    assert run(['-'], stdin=PROGRAM.format(n=2), cwd=tmp_path) == f'{[EXPECTED] * 2}\n'


def test_with_a_thousand_documents(tmp_path):
    assert run(['-'], stdin=PROGRAM.format(n=1000), cwd=tmp_path) == f'{[EXPECTED] * 1000}\n'


def test_the_callers_main_module_is_not_imported_again(tmp_path):
    script = tmp_path / 'once.py'
    script.write_text("print('main runs')\n" + PROGRAM.format(n=1))
    assert run([str(script)], cwd=tmp_path).count('main runs') == 1


class MyExec(Executor):
    @requests
    async def foo(self, docs: DocumentArray, **kwargs):
        for d in docs:
            d.text += 'hello, world!'


@pytest.mark.parametrize('place', ['local', 'in-process'])
@pytest.mark.parametrize('protocol', ['grpc', 'http'])
def test_in_every_place_over_every_protocol(place, protocol):
    flow = Flow(protocol=protocol).add(uses=MyExec).add(uses=MyExec).on(place)
    with flow:
        assert flow.post('/', DocumentArray.empty(3)).texts == [EXPECTED] * 3
        assert flow.is_flow_ready()
    assert not flow.is_flow_ready()


def test_from_yaml(tmp_path):
    (tmp_path / 'executors.py').write_text(PROGRAM.split('f = Flow')[0])
    (tmp_path / 'flow.yml').write_text(
        textwrap.dedent("""\
        jtype: Flow
        executors:
          - name: first
            uses: executors.py:MyExec
          - name: second
            uses: executors.py:MyExec
        """)
    )
    with Flow.load_config(tmp_path / 'flow.yml') as flow:
        assert flow.post('/', DocumentArray.empty(2)).texts == [EXPECTED] * 2
    saved = tmp_path / 'saved.yml'
    flow.save_config(saved)
    assert Flow.load_config(saved).spec.executors == flow.spec.executors


async def test_from_asynchronous_code():
    async with Flow(asyncio=True).add(uses=MyExec) as flow:
        texts = [text async for docs in flow.post('/', DocumentArray.empty(250)) for text in docs.texts]
    assert texts == ['hello, world!'] * 250
