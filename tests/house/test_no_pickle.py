"""No pickle is read from a socket, a request or a file of somebody else: pickle runs what it is told to."""

from __future__ import annotations

import ast
import asyncio
import os
import pickle
from contextlib import suppress
from pathlib import Path

import pytest
from sources import check, python_files, tree

from headrace.errors import HeadraceError
from headrace.executors import Executor
from headrace.executors import serve as serve_executor
from headrace.gateway import serve
from headrace.pipeline import Graph, Node
from headrace.pipeline.offer import offer
from headrace.spec import ExecutorSpec, GatewaySpec
from headrace.wire import Server
from headrace.worker.loading import blueprint_of

READERS = ('pickle', 'cloudpickle', 'marshal', 'shelve', 'dill', 'joblib')
ALLOWED = {
    'src/headrace/worker/serving.py': "a worker's first order, on the pipe that its parent made for it",
    'src/headrace/documents/apply_worker.py': 'a job on the standard input that its parent made for it',
    'src/headrace/documents/applying.py': 'the results of such a job, on the pipe of a child',
}
DANGEROUS = ('eval', 'exec', 'compile')
RUNS_CODE = {
    'src/headrace/documents/table.py': 'a constructor of documents, made of the names of declared fields',
}


def _calls(path: str, names: tuple[str, ...]) -> list[str]:
    """Calls of `load` or `loads` of these modules, by their line."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if node.func.attr in ('load', 'loads', 'Unpickler') and isinstance(owner, ast.Name):
                found += [f'line {node.lineno}'] if owner.id in names else []
        if isinstance(node, ast.ImportFrom) and node.module in names:
            found += [
                f'line {node.lineno}' for name in node.names if name.name in ('load', 'loads', 'Unpickler')
            ]
        if isinstance(node, ast.keyword) and node.arg == 'allow_pickle':
            is_off = isinstance(node.value, ast.Constant) and node.value.value is False
            found += [] if is_off else [f'line {node.value.lineno}']
    return found


def test_pickles_are_read_on_private_pipes_only() -> None:
    broken = {path: ', '.join(lines) for path in python_files('src') if (lines := _calls(path, READERS))}
    check('Nobody else can send us a pickle.', broken, ALLOWED, 'send columns, JSON or msgpack')


def test_nothing_that_comes_in_is_run() -> None:
    broken = {}
    for path in python_files('src'):
        for node in ast.walk(tree(path)):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_call and node.func.id in DANGEROUS:
                broken[path] = f'line {node.lineno}'
    check('No text becomes code.', broken, RUNS_CODE, 'read it as data')


class Plain(Executor):
    """Gives back what it gets."""


class Bomb:
    """A pickle that makes a folder when it is read."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize('kind', ['worker', 'http', 'grpc'])
@pytest.mark.parametrize('protocol', [0, 2, 5])
async def test_a_pickle_that_is_sent_is_not_read(tmp_path: Path, kind: str, protocol: int) -> None:
    witness = tmp_path / 'witness'
    data = pickle.dumps(Bomb(witness), protocol=protocol)
    blueprint = blueprint_of(ExecutorSpec(name='a', uses=Plain), workspace='', base='')
    handler = serve_executor(blueprint.build())
    node = Node('a', handler, ('gateway',), blueprint.describe())
    if kind == 'worker':
        server = await Server(handler, blueprint.describe()).listen(f'unix:{tmp_path}/socket')
        try:
            reader, writer = await asyncio.open_unix_connection(f'{tmp_path}/socket')
            for framed in (data, len(data).to_bytes(4, 'little') + data):
                writer.write(framed)
            await _until_over(reader, writer)
        finally:
            await server.close(1.0)
    else:
        gateway = await serve(Graph([node]), offer('flow', [node]), GatewaySpec(protocols=(kind,)))
        try:
            reader, writer = await asyncio.open_connection('127.0.0.1', gateway.ports[kind])
            head = b'POST /post HTTP/1.1\r\nhost: x\r\ncontent-type: application/python-pickle\r\n'
            writer.write(head + b'connection: close\r\ncontent-length: %d\r\n\r\n' % len(data) + data)
            await _until_over(reader, writer)
        finally:
            await gateway.stop(0)
    assert not witness.exists()
    pickle.loads(data)
    assert witness.exists(), 'the pickle would not have done anything'


async def _until_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # it may have hung up already
        writer.write_eof()
    try:
        await asyncio.wait_for(reader.read(), 10)
    except (ConnectionError, TimeoutError):
        pass
    writer.close()
    try:
        await writer.wait_closed()
    except (ConnectionError, HeadraceError):
        pass
