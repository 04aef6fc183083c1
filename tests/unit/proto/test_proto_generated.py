"""The committed code is what headrace.proto says, and lives beside a user's own stubs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import headrace.proto
from headrace.proto import headrace_pb2

FOLDER = Path(headrace.proto.__file__).parent
ROOT = FOLDER.parent.parent.parent


@pytest.mark.parametrize('name', ['headrace_pb2.py', 'headrace_pb2.pyi'])
def test_generated_code_is_up_to_date(name: str, tmp_path: Path) -> None:
    pytest.importorskip('grpc_tools')
    for file in ('tools/proto.py', 'src/headrace/proto/headrace.proto'):
        copy = tmp_path / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / file).read_bytes())
    subprocess.run([sys.executable, tmp_path / 'tools/proto.py'], check=True, timeout=60)
    made = (tmp_path / 'src/headrace/proto' / name).read_text()
    assert made == (FOLDER / name).read_text(), 'run `make proto`'


def test_every_message_and_field_is_documented() -> None:
    lines = (FOLDER / 'headrace.proto').read_text().splitlines()
    rpcs = [number for number, line in enumerate(lines) if line.strip().startswith('rpc ')]
    assert len(rpcs) == len(headrace_pb2.DESCRIPTOR.services_by_name['Headrace'].methods)
    assert all(lines[number - 1].strip().startswith('//') for number in rpcs)


def test_it_works_with_protobuf_in_pure_python() -> None:
    program = (
        'from google.protobuf.internal import api_implementation\n'
        "assert api_implementation.Type() == 'python'\n"
        'from headrace.proto import headrace_pb2 as pb\n'
        "request = pb.Request(endpoint='/a')\n"
        "request.parameters.update({'k': [1, {'x': None}]})\n"
        "request.rows.documents.add(text='t').fields['n'].integer = 3\n"
        'assert pb.Request.FromString(request.SerializeToString()) == request\n'
    )
    environment = {'PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION': 'python', 'PATH': ''}
    done = subprocess.run(
        [sys.executable, '-c', program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, '')
