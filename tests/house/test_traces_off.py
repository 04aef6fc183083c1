"""Without traces, OpenTelemetry is nowhere: no process imports it, and none has a thread for spans."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx

from headrace import Document, Executor, Flow, requests

PROBE = """
import sys
import threading


def told():
    modules = sorted(name for name in sys.modules if name.startswith('opentelemetry'))
    return {'modules': modules, 'threads': [thread.name for thread in threading.enumerate()]}


async def app(scope, receive, send):
    import json

    if scope['type'] == 'http':
        await send({'type': 'http.response.start', 'status': 200, 'headers': []})
        await send({'type': 'http.response.body', 'body': json.dumps(told()).encode()})
"""

PROGRAM = """
import json

import probe
from headrace import Document, Executor, Flow, requests


class Echo(Executor):
    @requests
    def echo(self, docs, tracing_context, **kwargs):
        assert tracing_context is None
        with self.tracer.start_as_current_span('nothing') as span:
            span.set_attribute('a', 1)
            assert not span.is_recording()


with Flow(place='in-process').add(uses=Echo) as flow:
    flow.post('/', Document(), metadata={'traceparent': '00-' + 'a' * 32 + '-' + 'b' * 16 + '-01'})
print(json.dumps(probe.told()))
"""


class Told(Executor):
    @requests
    def tell(self, docs, parameters, tracing_context, **kwargs):
        sys.path.insert(0, parameters['folder'])
        import probe  # the file of this test

        with self.tracer.start_as_current_span('nothing'):
            docs[0].text = json.dumps(probe.told())


def check(told: dict[str, list[str]]) -> None:
    assert told['modules'] == []
    assert 'headrace-spans' not in told['threads']


def test_no_process_has_it(tmp_path: Path) -> None:
    (tmp_path / 'probe.py').write_text(PROBE)
    (tmp_path / 'program.py').write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, 'program.py'], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    check(json.loads(done.stdout))
    apps = {'/probe': f'{tmp_path / "probe.py"}:app'}
    with Flow(protocol='http', apps=apps).add(uses=Told, name='told') as flow:
        trace = f'00-{"a" * 32}-{"b" * 16}-01'
        (doc,) = flow.post(
            '/', Document(), parameters={'folder': str(tmp_path)}, metadata={'traceparent': trace}
        )
        check(json.loads(doc.text))
        with httpx.Client(trust_env=False) as client:
            check(client.get(f'http://127.0.0.1:{flow.port}/probe').json())
