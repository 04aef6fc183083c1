"""`headrace build` on a real engine: images that are built, run without rights, and tell how they are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from importlib.metadata import requires
from pathlib import Path

import pytest
from engine import Engine
from waiting import wait_until

from headrace import Client
from headrace.images.own import own as find_own

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

UPPER = """
from pathlib import Path
from headrace import DocumentArray, Executor, requests

class Upper(Executor):
    @requests(on='/upper')
    def upper(self, docs: DocumentArray, **kwargs):
        Path(self.workspace, 'seen').write_text('yes')
        docs.text = [text.upper() + SUFFIX for text in docs.text]

SUFFIX = ''
"""
FLOW = """
with: {name: shouting, protocol: http, port: 8080}
executors:
  - {name: upper, uses: 'upper.py:Upper'}
"""
WITHIN_S = 90.0
SECRET = 'open-sesame'


def build(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, '-c', 'from headrace.cli import main; main()', 'build', *map(str, arguments)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=280, check=False)
    if check and done.returncode:
        pytest.fail(f'{" ".join(program[3:])}: {done.returncode}\n{done.stdout}{done.stderr}')
    return done


@pytest.fixture(scope='module')
def own(tmp_path_factory: pytest.TempPathFactory, base_image: str, engine: Engine) -> tuple[str, ...]:
    """Options of every build: one wheel of this checkout, however the checkout changes meanwhile."""
    wheel = find_own().wheel(tmp_path_factory.mktemp('own'))
    assert wheel is not None
    return ('--headrace', str(wheel), '--base', base_image, '--label', engine.label)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an executor; its lock is made by the first build."""
    made = tmp_path_factory.mktemp('upper')
    (made / 'upper.py').write_text(UPPER)
    (made / '.env').write_text(f'PASSWORD={SECRET}\n')
    return made


@pytest.fixture(scope='module')
def image(engine: Engine, own: tuple[str, ...], folder: Path) -> Generator[str]:
    """The image of the executor."""
    tag = f'{engine.name("headrace-build")}:1'
    told = build(folder, '-t', tag, *own)
    assert re.search(r'size +[\d.,]+ MB, [\d.,]+ MB of it above its base', told.stdout), told.stdout
    assert re.search(r'layers +\d+: requirements .* headrace .* code ', told.stdout), told.stdout
    assert f"uses: 'docker://{tag}'" in told.stdout
    yield tag
    engine.run('rmi', '-f', tag)


@contextmanager
def running(engine: Engine, image: str, *options: str, port: int = 8080) -> Iterator[tuple[str, str]]:
    """A container without rights; gives its name and the address of its HTTP port."""
    name = engine.name('headrace-build')
    engine.run('run', '-d', '--name', name, '--label', engine.label, '--read-only', '--tmpfs', '/tmp',
               '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '-v', f'{name}:/data',
               '-p', f'127.0.0.1::{port}', *options, image)  # fmt: skip
    try:
        yield name, f'http://{engine.run("port", name, str(port)).splitlines()[0]}'
    finally:
        engine.run('rm', '-f', '-v', name)
        engine.run('volume', 'rm', '-f', name)


def wait_for(engine: Engine, name: str, holds: Callable[[], bool]) -> None:
    wait_until(holds, WITHIN_S, lambda: engine.call('logs', name))


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f'{address}/ready', timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def health(engine: Engine, name: str) -> str:
    return engine.run('inspect', '--format', '{{.State.Health.Status}}', name)


def answer(address: str) -> list[str]:
    with Client(host=address) as client:
        return list(client.post('/upper', {'text': 'abc'}).texts)


def test_an_executor_without_rights(engine: Engine, image: str) -> None:
    with running(engine, image) as (name, address):
        wait_for(engine, name, lambda: is_ready(address))
        assert answer(address) == ['ABC']
        wait_for(engine, name, lambda: health(engine, name) == 'healthy')
        assert engine.run('exec', name, 'id', '-u') == '10001'
        assert engine.run('exec', name, 'sh', '-c', 'cat /data/*/*/seen') == 'yes'
        assert engine.call('exec', name, 'touch', '/app/x').returncode != 0
        assert 'python' not in engine.run('inspect', '--format', '{{.Config.Healthcheck.Test}}', name)
        engine.run('stop', '-t', '30', name)
        assert engine.run('inspect', '--format', '{{.State.ExitCode}}', name) == '0'


def test_what_is_in_the_image(
    engine: Engine, own: tuple[str, ...], image: str, folder: Path, tmp_path: Path
) -> None:
    told = json.loads(engine.run('image', 'inspect', image))[0]
    labels = told['Config']['Labels']
    assert labels['headrace.kind'] == 'executor'
    assert labels['headrace.wire'] == '1'
    assert labels['headrace.uses'] == '/app/upper.py:Upper'
    assert labels['org.opencontainers.image.created'].endswith('Z')
    assert told['Config']['User'] == '10001:10001'
    listed = engine.run('run', '--rm', '--entrypoint', 'sh', image, '-c', 'ls -A /app; ls /venv/bin')
    assert '.env' not in listed
    assert 'pip' not in listed.split()
    assert '__pycache__' in listed
    file = tmp_path / 'contents.json'
    build(folder, '-t', image, *own, '--locked', '--sbom', file)
    bom = json.loads(file.read_text())
    assert bom['bomFormat'] == 'CycloneDX'
    urls = {part['purl'].partition('@')[0] for part in bom['components']}
    assert {'pkg:pypi/headrace', 'pkg:pypi/msgspec'} <= urls
    check_schema(file.read_text())


def check_schema(text: str) -> None:
    validation = pytest.importorskip('cyclonedx.validation.json')
    schema = pytest.importorskip('cyclonedx.schema')
    assert validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(text) is None


def test_a_change_of_the_code_makes_one_layer(
    engine: Engine, image: str, own: tuple[str, ...], folder: Path, tmp_path: Path
) -> None:
    changed = tmp_path / 'code'
    shutil.copytree(folder, changed)
    (changed / 'upper.py').write_text(UPPER.replace("SUFFIX = ''", "SUFFIX = '!'"))
    tag = f'{engine.name("headrace-build")}:2'
    build(changed, '-t', tag, *own, '--locked')
    try:
        before, after = (layers(engine, each) for each in (image, tag))
        assert len(before) == len(after)
        assert sum(one != two for one, two in zip(before, after, strict=True)) == 1
        with running(engine, tag) as (name, address):
            wait_for(engine, name, lambda: is_ready(address))
            assert answer(address) == ['ABC!']
    finally:
        engine.run('rmi', '-f', tag)


def layers(engine: Engine, image: str) -> list[str]:
    return list(json.loads(engine.run('image', 'inspect', image))[0]['RootFS']['Layers'])


def test_a_flow(engine: Engine, own: tuple[str, ...], image: str, folder: Path, tmp_path: Path) -> None:
    """One image of a whole Flow; it shares all layers with that of the executor but the code."""
    flow = tmp_path / 'flow'
    shutil.copytree(folder, flow)
    (flow / 'flow.yml').write_text(FLOW)
    tag = f'{engine.name("headrace-build")}:3'
    build(flow, '-t', tag, *own, '--locked')
    try:
        assert layers(engine, tag)[:-2] == layers(engine, image)[:-2]
        with running(engine, tag) as (name, address):
            wait_for(engine, name, lambda: is_ready(address))
            assert answer(address) == ['ABC']
    finally:
        engine.run('rmi', '-f', tag)


def test_the_address_of_an_index_stays_out(engine: Engine, base_image: str, tmp_path: Path) -> None:
    """A Dockerfile of the user's own, with the arguments that ours has: nothing of them is in the image."""
    (tmp_path / 'upper.py').write_text(UPPER)
    (tmp_path / 'Dockerfile').write_text(
        'ARG BASE\nFROM ${BASE} AS requirements\nARG PIP_INDEX_URL\n'
        'RUN echo "from $PIP_INDEX_URL" && test -n "$PIP_INDEX_URL" && echo done > /out\n'
        'FROM ${BASE}\nCOPY --from=requirements /out /out\n'
    )
    tag = f'{engine.name("headrace-build")}:4'
    options = ('--headrace', '1.0', '--base', base_image, '--label', engine.label, '-t', tag)
    index = ('--index', f'https://me:{SECRET}@index.example.com/simple')
    (tmp_path / 'requirements.lock').write_text(foreign_lock())
    try:
        told = build(tmp_path, *options, *index, '--verbose', '--no-cache')
        assert 'from ***' in told.stderr
        assert SECRET not in told.stdout + told.stderr
        assert SECRET not in engine.run('history', '--no-trunc', tag)
        assert SECRET not in engine.run('image', 'inspect', tag)
    finally:
        engine.call('rmi', '-f', tag)


def foreign_lock() -> str:
    """A lock that somebody else wrote: it has to have what headrace needs."""
    needed = (line for line in requires('headrace') or () if 'extra' not in line)
    return ''.join(f'{re.split("[^A-Za-z0-9._-]", line)[0]}==1\n' for line in needed)


def test_a_failure_says_what_the_builder_said(engine: Engine, base_image: str, tmp_path: Path) -> None:
    (tmp_path / 'upper.py').write_text(UPPER)
    (tmp_path / 'requirements.lock').write_text(foreign_lock())
    (tmp_path / 'Dockerfile').write_text('ARG BASE\nFROM ${BASE}\nRUN echo it went wrong && exit 7\n')
    options = ('--base', base_image, '--headrace', '1.0', '-t', 'headrace-build:never')
    told = build(tmp_path, *options, check=False)
    assert told.returncode == 1
    assert 'it went wrong' in told.stderr
    assert engine.call('image', 'inspect', 'headrace-build:never').returncode != 0
