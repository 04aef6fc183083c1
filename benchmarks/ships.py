"""Images: how long each takes to build, how large it is, and how soon a container of it answers."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.result import Result
from headrace.containers.engine import Engine
from headrace.errors import StartError
from headrace.images.builder import Builder, Order, find_builder
from headrace.images.making import Built, Wanted, make, sketch
from tools.engine import base

ROOT = Path(__file__).resolve().parents[1]
WITHIN_S = 120.0
UPPER = '''"""An executor."""

from headrace import DocumentArray, Executor, requests


class Upper(Executor):
    """Makes texts upper case."""

    @requests(on='/upper')
    def upper(self, docs: DocumentArray, **kwargs):
        docs.text = [text.upper() for text in docs.text]
'''
SHOP = {'port': 8080, 'page': 'page', 'catalogue': '/data', 'examples': '/data', 'workspace': '/data'}


@dataclass(frozen=True)
class Case:
    """A folder of which an image is made: which of its files is changed, what a container of it is asked."""

    name: str
    folder: Path
    changed: str
    wanted: Wanted
    asked: tuple[str, bytes]

    def change(self) -> None:
        """Let the code be another one."""
        file = self.folder / self.changed
        file.write_text(f'{file.read_text()}\n# {uuid.uuid4().hex}\n')


def measure(runs: int) -> list[Result]:
    """Measure the image of one executor and that of shop the look, a whole Flow; none without an engine."""
    try:
        builder = find_builder()
    except StartError as error:
        click.echo(f'  left out: {error.message} (python -m tools.engine up)', err=True)
        return []
    with tempfile.TemporaryDirectory() as name:
        return [result for case in _cases(Path(name)) for result in _measured(case, builder, runs)]


def _cases(folder: Path) -> Iterator[Case]:
    below = base.build()
    (folder / 'upper').mkdir()
    (folder / 'upper' / 'upper.py').write_text(UPPER)
    wanted = Wanted(path=str(folder / 'upper'), base=below)
    yield Case('one executor', folder / 'upper', 'upper.py', wanted, ('/upper', b'{"data": [{"text": "a"}]}'))
    shop = folder / 'shop_the_look'
    ignored = shutil.ignore_patterns('__pycache__', '*.lock')
    shutil.copytree(ROOT / 'examples/shop_the_look', shop, ignore=ignored)
    wanted = Wanted(path=str(shop), base=below, settings=SHOP)
    yield Case('shop the look', shop, 'shop/executors.py', wanted, ('/status', b'{"data": []}'))


def _measured(case: Case, builder: Builder, runs: int) -> list[Result]:
    tag = f'headrace-benchmark-{uuid.uuid4().hex[:8]}:1'
    try:
        cold = _built(case, builder, tag, use_cache=False)
        rebuilt = []
        for _ in range(runs):
            case.change()
            rebuilt.append(_built(case, builder, tag).building_s)
        starts = [_started(builder.engine, tag, case.asked) for _ in range(runs)]
    finally:
        subprocess.run(builder.engine.command('rmi', '-f', tag), capture_output=True, check=False)
    assert cold.image is not None
    below = cold.base.size if cold.base else 0
    own = cold.image.size - below
    ready, first = ([start[key] for start in starts] for key in (0, 1))
    return [
        _result(case, 'build, nothing cached', [cold.building_s], 's'),
        _result(case, 'build after a change of the code', rebuilt, 's'),
        _result(case, f'size above its base ({below / 1e6:.0f} MB)', [own / 1e6], 'MB'),
        _result(case, 'container: from run to /ready', ready, 's'),
        _result(case, 'container: from run to the first answer', first, 's'),
    ]


def _result(case: Case, name: str, values: list[float], unit: str) -> Result:
    return Result(f'ships: {case.name}', name, statistics.median(values), unit, best=min(values))


def _built(case: Case, builder: Builder, tag: str, *, use_cache: bool = True) -> Built:
    order = Order(tags=(tag,), use_cache=use_cache)
    return make(sketch(case.wanted), builder, order, lambda _: None, lambda _: None)


def _started(engine: Engine, tag: str, asked: tuple[str, bytes]) -> tuple[float, float]:
    """Seconds from the command that runs a container to its being ready, and to its first answer."""
    began = time.perf_counter()
    with _container(engine, tag) as address:
        _until(lambda: _asked(f'{address}/ready', None))
        ready = time.perf_counter() - began
        body = _asked(address + asked[0], asked[1])
        answered = time.perf_counter() - began
    assert 'data' in json.loads(body)
    return ready, answered


@contextmanager
def _container(engine: Engine, tag: str) -> Iterator[str]:
    """A container without rights; gives the address of its HTTP port."""
    options = ['--rm', '--read-only', '--tmpfs', '/tmp', '--tmpfs', '/data:uid=10001']
    name = tag.partition(':')[0]
    _run(engine, 'run', '-d', '--name', name, *options, '-p', '127.0.0.1::8080', tag)
    try:
        yield f'http://{_run(engine, "port", name, "8080").splitlines()[0]}'
    finally:
        _run(engine, 'rm', '-f', name)


def _until(ask: Callable[[], object]) -> None:
    deadline = time.perf_counter() + WITHIN_S
    while True:
        try:
            ask()
        except (OSError, urllib.error.URLError):
            if time.perf_counter() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _asked(url: str, body: bytes | None) -> bytes:
    request = urllib.request.Request(url, body, {'content-type': 'application/json'})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())


def _run(engine: Engine, *arguments: str) -> str:
    return subprocess.run([engine.program, *arguments], capture_output=True, text=True, check=True).stdout
