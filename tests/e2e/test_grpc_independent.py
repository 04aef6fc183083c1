"""Clients of the gRPC door that know its documentation alone: stubs, reflection, and another language."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import headrace.proto
from headrace import Flow
from headrace.gateway.security import keys
from headrace.spec.security import SecuritySpec
from tests.services.words import Words

HERE = Path(__file__).parent
PROTO = Path(headrace.proto.__file__).parent / 'headrace.proto'
WRONG = 'Expected `str`, got `int` - at $.data[0].text'

EXPECTED: dict[str, Any] = {
    'describe': ['/endless', '/other', '/upper', '/words'],
    'unary': ['RED HAT'],
    'parts': [['a'], ['b'], ['c']],
    'duplex': [
        ['1', ['A'], '', False],
        ['2', ['x'], '', True],
        ['2', ['y'], '', True],
        ['2', [], '', False],
        ['3', [], 'INVALID_ARGUMENT', False],
    ],
    'invalid': ['INVALID_ARGUMENT', 'DocumentError', WRONG, 'bad'],
    'invalid parts': ['INVALID_ARGUMENT', 'DocumentError', WRONG, 'bad'],
    'forbidden': ['PERMISSION_DENIED', 'Forbidden', "'robot' may not call '/other'", 'who'],
    'late': 'DEADLINE_EXCEEDED',
}


@pytest.fixture(scope='module')
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A Flow that asks for keys; `address` is where, `key` one for all endpoints but '/other'."""
    file = tmp_path_factory.mktemp('keys') / 'keys.json'
    shown, kept = keys.new_key('robot', scopes=('/upper', '/words', '/endless'))
    keys.write(file, keys.KeyFile((kept,)))
    flow = Flow(protocol='grpc').add(name='shop', uses=Words)
    with flow.config_gateway(security=SecuritySpec(keys=str(file))) as running:
        yield SimpleNamespace(address=f'127.0.0.1:{running.port}', key=shown)


def outcome(*command: str | Path, folder: Path) -> Any:
    """What a client found, as it tells it on its standard output; it lives in a folder of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith('PYTHON')}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(found: Any) -> None:
    status, kind, *_ = found.pop('unknown')
    assert (status, kind) == ('UNAUTHENTICATED', 'Unauthenticated')
    assert found == EXPECTED


def test_python_with_generated_stubs(shop: SimpleNamespace, tmp_path: Path) -> None:
    protoc = pytest.importorskip('grpc_tools.protoc')
    shutil.copy(PROTO, tmp_path)
    made = [f'-I{tmp_path}', f'-I{Path(protoc.__file__).parent / "_proto"}']
    made += [f'--python_out={tmp_path}', f'--grpc_python_out={tmp_path}', 'headrace.proto']
    assert protoc.main(['protoc', *made]) == 0
    script = shutil.copy(HERE / 'grpc_clients/with_stubs.py', tmp_path)
    check(outcome(sys.executable, script, shop.address, shop.key, folder=tmp_path))


def test_python_with_reflection_alone(shop: SimpleNamespace, tmp_path: Path) -> None:
    script = shutil.copy(HERE / 'grpc_clients/with_reflection.py', tmp_path)
    check(outcome(sys.executable, script, shop.address, shop.key, folder=tmp_path))


@pytest.mark.needs('node')
def test_node(shop: SimpleNamespace, tmp_path: Path) -> None:
    for file in (HERE / 'node_grpc').iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    shutil.copy(PROTO, tmp_path)
    npm = ('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund')
    installed = subprocess.run(npm, cwd=tmp_path, capture_output=True, text=True, timeout=90)
    assert installed.returncode == 0, installed.stderr
    check(outcome('node', 'client.js', 'headrace.proto', shop.address, shop.key, folder=tmp_path))
