"""Executors that are images, in a local Flow beside processes: they answer, come back, and leave nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from engine import Engine
from waiting import wait_until

from headrace import Document, DocumentArray, Executor, Flow, requests
from headrace.cli import main
from headrace.containers.owners import OWNER, owner
from headrace.errors import BadServer, ExecutorError, SpecError, StartError
from headrace.places.noticeboard import running
from headrace.spec.environment import read

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

WITHIN_S = 60.0

SAYS = """
import os
import time
from pathlib import Path
from headrace import Executor, requests


class Says(Executor):
    def __init__(self, mark='', slow=False, **kwargs):
        super().__init__(**kwargs)
        if slow:
            time.sleep(60)
        self.mark = mark
        print(f'{mark} is constructed')

    @requests
    def say(self, docs, **kwargs):
        for doc in docs:
            doc.text += self.mark

    @requests(on='/look')
    def look(self, docs, **kwargs):
        for doc in docs:
            doc.tags = {'uid': os.getuid(), **{name: os.environ.get(name) for name in doc.tags}}

    @requests(on='/keep')
    def keep(self, docs, **kwargs):
        path = Path(self.workspace, 'kept.txt')
        for doc in docs:
            path.write_text(doc.text)

    @requests(on='/read')
    def read(self, docs, **kwargs):
        for doc in docs:
            doc.text = Path(doc.text or Path(self.workspace, 'kept.txt')).read_text()

    @requests(on='/spoil')
    def spoil(self, docs, **kwargs):
        Path('/app/spoilt').write_text('')
"""


VARIABLES = {
    'COLOUR': 'red',
    'GOOGLE_API_KEY': 'k3y of two\nlines',
    'SSH_PASS': '"p4ss"',
    'DOCKER_CONTENT_TRUST': " # tru5t $HOME 'as it is' ",
    'HTTPS_PROXY': 'http://us3r:w0rd@proxy.example',
}


class Plain(Executor):
    @requests
    def say(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.text += 'plain'


@pytest.fixture(scope='module')
def image(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image that `headrace build` makes of a folder with an executor."""
    folder = tmp_path_factory.mktemp('says')
    (folder / 'says.py').write_text(SAYS)
    name = f'{engine.name("headrace-tests/says")}:1'
    built = CliRunner().invoke(main, ['build', f'{folder}/says.py:Says', '-t', name, '--base', base_image])
    assert built.exit_code == 0, built.output
    yield name
    engine.call('rmi', '--force', name)


@pytest.fixture
def flow_name(engine: Engine, left_over: Callable[..., None]) -> Iterator[str]:
    """A name that only this test's Flow has; at its end no container is of that Flow."""
    name = engine.name('flow')
    yield name
    found = engine.containers(f'label=headrace.flow={name}')
    if found:
        engine.call('rm', '--force', '--volumes', *found)
    assert not found, 'containers are left'


def said(flow: Any, on: str = '/', text: str = '', **options: Any) -> Document:
    answer = flow.post(on, DocumentArray([Document(text=text)]), **options)
    found: Document = answer[0]
    return found


def test_two_containers_and_a_process(
    engine: Engine, image: str, flow_name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'notes.txt').write_text('of this machine')
    flow = (
        Flow(name=flow_name, workspace=str(tmp_path / 'kept'), protocol='http')
        .add(
            name='first',
            uses=f'docker://{image}',
            uses_with={'mark': 'first '},
            env=VARIABLES,
            volumes=[f'{tmp_path}/notes.txt:/notes.txt:ro'],
            memory='256Mi',
            cpus=0.75,
        )
        .add(name='second', uses=f'docker://{image}', uses_with={'mark': 'second '})
        .add(name='third', uses=Plain)
    )
    with flow:
        assert said(flow).text == 'first second plain'

        (first,) = engine.containers(f'label=headrace.flow={flow_name}', 'label=headrace.executor=first')
        _check_limits(flow, json.loads(engine.run('inspect', first))[0])

        # its workspace is a folder of this machine, and so are its volumes
        said(flow, '/keep', 'for later', target_executor='first')
        assert {path.read_text() for path in (tmp_path / 'kept').rglob('kept.txt')} == {'for later'}
        assert said(flow, '/read', '/notes.txt', target_executor='first').text == 'of this machine'

        # what it counts is seen with the rest, and as which process it runs here
        page = _page(flow, '/metrics')
        assert 'executor="first"' in page
        assert _host_pid(engine, first) in {process.pid for process in _processes(flow_name)}

        # killed, it comes back, and requests go on
        engine.run('kill', first)
        again = wait_until(
            lambda: (
                set(engine.containers(f'label=headrace.flow={flow_name}', 'label=headrace.executor=first'))
                - {first}
            ),
            what='another container in its place',
        )
        assert said(flow).text == 'first second plain'
        assert first not in again
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith('{')]
    assert {(line.get('executor'), line['message']) for line in lines} >= {
        ('first', 'first  is constructed'),
        ('second', 'second  is constructed'),
    }


def _check_limits(flow: Any, told: dict[str, Any]) -> None:
    """Each is in a container with the rights of this user and no more, within its limits."""
    asked = DocumentArray([Document(tags=dict.fromkeys(VARIABLES, ''))])
    (looked,) = flow.post('/look', asked, target_executor='first')
    assert looked.tags == {'uid': os.getuid(), **VARIABLES}
    host = told['HostConfig']
    assert (host['Memory'], host['NanoCpus']) == (256 * 1024**2, 750_000_000)
    assert host['ReadonlyRootfs']
    assert host['CapDrop'] == ['ALL']
    assert 'COLOUR=red' in told['Config']['Env']
    commands = _commands_of(flow.spec.name)
    assert not [name for name, value in VARIABLES.items() if f'={value}' in commands]
    with pytest.raises(BadServer, match='Read-only file system'):
        said(flow, '/spoil')


def _commands_of(flow_name: str) -> str:
    """What everybody sees of the commands that are attached to its containers."""
    texts = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            texts.append(path.read_bytes().replace(b'\0', b' ').decode(errors='replace'))
        except OSError:
            continue
    found = ' '.join(text for text in texts if f'headrace.flow={flow_name}' in text)
    assert found
    return found


def _page(flow: Any, path: str) -> str:
    with urllib.request.urlopen(f'http://127.0.0.1:{flow.ports["http"]}{path}') as answer:
        text: str = answer.read().decode()
    return text


def _host_pid(engine: Engine, container: str) -> int:
    return int(engine.run('inspect', '--format', '{{.State.Pid}}', container))


def _processes(flow_name: str) -> list[Any]:
    return [
        each
        for notice in running(read().runtime_root())
        if notice.flow == flow_name
        for each in notice.processes
    ]


@contextmanager
def script(text: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program that runs beside the tests; it is killed at the end."""
    command = [sys.executable, '-c', textwrap.dedent(text), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


RUNS = """
import sys
from headrace import Flow

image, name = sys.argv[1:]
with Flow(name=name).add(name='encoder', uses=f'docker://{image}', uses_with={'mark': 'x'}, replicas=2):
    print('up', flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize('how', [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_its_parent(engine: Engine, image: str, flow_name: str, how: signal.Signals) -> None:
    with script(RUNS, image, flow_name) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == 'up\n'
        assert len(engine.containers(f'label=headrace.flow={flow_name}')) == 2
        process.send_signal(how)
        process.wait(WITHIN_S)
    wait_until(lambda: not engine.containers(f'label=headrace.flow={flow_name}'), what='no container of its')


def test_the_next_start_removes_what_is_left(engine: Engine, image: str, flow_name: str) -> None:
    """Of a machine that lost its power, for instance: those of the living are left alone."""
    with script('input()') as gone:
        left = owner(gone.pid)
    with script('input()') as lives:
        options = ('--label', engine.label, '--label')
        abandoned = engine.run('create', *options, f'{OWNER}={left}', image)
        others = engine.run('create', *options, f'{OWNER}={owner(lives.pid)}', image)
        elsewhere = engine.run('create', *options, f'{OWNER}=1-1@another.machine', image)
        with Flow(name=flow_name).add(name='says', uses=f'docker://{image}'):
            there = engine.containers(f'label={engine.label}')
        engine.run('rm', others, elsewhere)
    assert abandoned not in there
    assert {others, elsewhere} <= set(there)


@pytest.mark.parametrize('within_s', [0.01, 0.3, 1.0])
def test_a_start_that_is_broken_off_leaves_nothing(
    engine: Engine, image: str, flow_name: str, within_s: float
) -> None:
    with pytest.raises(StartError, match='was not ready after'):
        Flow(name=flow_name).add(
            name='says', uses=f'docker://{image}', uses_with={'slow': True}, timeout_ready_s=within_s
        ).start()
    assert not engine.containers(f'label=headrace.flow={flow_name}')


def test_what_is_wrong_with_an_image(engine: Engine, base_image: str, image: str, flow_name: str) -> None:
    def started(uses: str, **settings: Any) -> None:
        with Flow(name=flow_name).add(name='says', uses=uses, **settings):
            pass

    with pytest.raises(SpecError, match="'says': docker has no image headrace-tests/nobody:1"):
        started('docker://headrace-tests/nobody:1')
    with pytest.raises(StartError, match='did not start a worker'):
        started(f'docker://{base_image}')
    with pytest.raises(StartError, match='did not start a worker'):
        started(f'docker://{image}', entrypoint=['echo'])
    with pytest.raises(SpecError, match='there is no /nowhere'):
        started(f'docker://{image}', volumes=['/nowhere/at/all:/data2'])
    with pytest.raises(SpecError, match='cannot go into an image'):
        started(f'docker://{image}', uses_with={'mark': object()})
    with pytest.raises(ExecutorError, match=r"Says takes no argument 'nonsense' \(/app/says.py"):
        started(f'docker://{image}', uses_with={'nonsense': 1})
    greets = 'from headrace.containers import greeting as g, engine; import headrace._version as v; '
    greets += "v.__version__ = '9.0'; from headrace.cli import main; main(['worker', '--lifeline'])"
    with pytest.raises(StartError, match=r'has headrace 9\.0'):
        started(f'docker://{image}', entrypoint=['python', '-c', greets])


def test_where_no_socket_is_shared(
    engine: Engine, image: str, flow_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine where containers run in a virtual one: over a port of this machine only."""
    monkeypatch.setattr('headrace.places.containers.SHARES_SOCKETS', False)
    with Flow(name=flow_name).add(name='says', uses=f'docker://{image}', uses_with={'mark': 'x'}) as flow:
        assert said(flow).text == 'x'
        (container,) = engine.containers(f'label=headrace.flow={flow_name}')
        published = engine.run('port', container, '9090/tcp').splitlines()
    assert [place.rpartition(':')[0] for place in published] == ['127.0.0.1']


def test_check_looks_into_images(engine: Engine, image: str, flow_name: str, tmp_path: Path) -> None:
    file = tmp_path / 'flow.yml'
    file.write_text(f'name: {flow_name}\nexecutors:\n  - {{name: says, uses: "docker://{image}"}}\n')
    checked = CliRunner().invoke(main, ['check', str(file)])
    assert checked.exit_code == 0, checked.output
    assert '/look' in checked.output
    planned = CliRunner().invoke(main, ['plan', str(file)])
    assert f'docker://{image}' in planned.output
