"""The first program in the cells of a real notebook kernel."""

import pytest

jupyter_client = pytest.importorskip('jupyter_client', reason='pip install ipykernel')

CLASS = """\
from headrace import DocumentArray, Executor, Flow, requests

class MyExec(Executor):
    @requests
    async def foo(self, docs: DocumentArray, **kwargs):
        for d in docs:
            d.text += 'hello, world!'
"""
FLOW = """\
f = Flow().add(uses=MyExec).add(uses=MyExec)
with f:
    r = f.post('/', DocumentArray.empty(2))
    print(r.texts)
"""
ASYNC_FLOW = """\
async with Flow(asyncio=True).add(uses=MyExec) as f:
    docs = await f.post('/', DocumentArray.empty(2))
print(docs.texts)
"""


@pytest.fixture(scope='module')
def kernel():
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name='python3')
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def run(kernel, cell):
    """What a cell prints."""
    printed = []

    def look(message):
        if message['msg_type'] == 'stream' and message['content']['name'] == 'stdout':
            printed.append(message['content']['text'])

    reply = kernel.execute_interactive(cell, timeout=60, output_hook=look)
    assert reply['content']['status'] == 'ok', reply['content'].get('traceback')
    return ''.join(printed)


@pytest.mark.leaks('the kernel runs for all tests of this module')
def test_a_class_of_one_cell_serves_in_the_next(kernel):
    run(kernel, CLASS)
    assert run(kernel, FLOW) == f'{["hello, world!hello, world!"] * 2}\n'
    assert run(kernel, FLOW) == f'{["hello, world!hello, world!"] * 2}\n'


@pytest.mark.leaks('the kernel runs for all tests of this module')
def test_a_cell_may_await(kernel):
    run(kernel, CLASS)
    assert run(kernel, ASYNC_FLOW) == f'{["hello, world!"] * 2}\n'
