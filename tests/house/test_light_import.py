"""Importing headrace changes nothing and loads little; each public name loads only what it needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROBE = """
import json, multiprocessing, os, signal, sys, threading, warnings, logging

def state():
    return {
        'environment': dict(os.environ),
        'signal handlers': {str(s): repr(signal.getsignal(s)) for s in signal.valid_signals()},
        'threads': [t.name for t in threading.enumerate()],
        'start method': multiprocessing.get_start_method(allow_none=True),
        'warning filters': len(warnings.filters),
        'log handlers': [repr(h) for h in logging.getLogger().handlers],
        'excepthook': repr(sys.excepthook),
        'descriptors': len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0,
        'path': list(sys.path),
        'folder': os.getcwd(),
    }

exec(sys.argv[2])
before = state()
exec(sys.argv[1])
after = state()
changed = {key: [before[key], after[key]] for key in before if before[key] != after[key]}
print(json.dumps({'changed': changed, 'modules': sorted(sys.modules)}))
"""

OPTIONAL = 'PIL torch pandas pyarrow pydantic soundfile av trimesh ml_dtypes docarray'

# what a line imports -> what it shall not load
LIGHT = {
    'import headrace': 'numpy msgspec grpc aiohttp rich uvicorn uvloop click yaml cloudpickle asyncio',
    'from headrace import Document, DocList, NdArray': f'grpc aiohttp rich uvicorn click yaml {OPTIONAL}',
    'from headrace import Executor, requests': f'grpc aiohttp rich uvicorn click yaml {OPTIONAL}',
    'from headrace import Flow': f'grpc aiohttp uvicorn click yaml {OPTIONAL}',
    'from headrace import Client': f'rich uvicorn click {OPTIONAL}',
    'import headrace.client.websocket_transport': f'grpc rich uvicorn click {OPTIONAL}',
    'import headrace.gateway.http.server': f'grpc google.protobuf websockets graphql rich {OPTIONAL}',
    'import headrace.gateway.websocket.door': f'grpc graphql rich {OPTIONAL}',
}


@pytest.mark.parametrize('line', LIGHT)
def test_import(line: str) -> None:
    earlier = '' if line == 'import headrace' else 'import numpy'  # it has warning filters of its own
    command = [sys.executable, '-c', PROBE, line, earlier]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found['changed'] == {}, f'{line!r} changes the process that it is imported into'
    heavy = sorted(set(LIGHT[line].split()) & set(found['modules']))
    assert not heavy, (
        f'{line!r} loads {", ".join(heavy)}: import it where it is used (python -X importtime shows why)'
    )
