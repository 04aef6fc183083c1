"""An executor that is an image, in a local Flow, with Podman."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from engine import Engine
from waiting import wait_until

from headrace import Document, DocumentArray, Flow

pytestmark = [pytest.mark.engine, pytest.mark.needs('podman'), pytest.mark.timeout(400)]


PROXY = 'http://me:"p4ss" # $word@proxy.example'
EXECUTOR = """
from headrace import Executor, requests


class Says(Executor):
    @requests
    def say(self, docs, **kwargs):
        for doc in docs:
            doc.text += '!'
"""


def test_podman(
    engine: Engine,
    podman: Engine,
    executor_image: Callable[[Path, str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / 'executor.py').write_text(EXECUTOR)
    (tmp_path / 'config.yml').write_text('{jtype: Says, py_modules: [executor.py]}')
    image = executor_image(tmp_path, f'{engine.name("headrace-tests/says")}:1')
    brought = podman.take(image)
    engine.call('rmi', '--force', image)
    monkeypatch.setenv('HEADRACE_ENGINE', 'podman')
    name = podman.name('flow')
    label = f'label=headrace.flow={name}'
    docs = DocumentArray([Document(text='hello')])
    with Flow(name=name, workspace=str(tmp_path / 'kept')).add(
        name='says', uses=f'docker://{brought}', env={'HTTPS_PROXY': PROXY}
    ) as flow:
        assert flow.post('/', docs).texts == ['hello!']
        (first,) = podman.containers(label)
        assert f'HTTPS_PROXY={PROXY}' in json.loads(podman.run('inspect', first))[0]['Config']['Env']
        podman.run('kill', first)
        wait_until(lambda: set(podman.containers(label)) - {first}, what='none in its place')
        assert flow.post('/', docs).texts == ['hello!']
    assert not podman.containers(label)
