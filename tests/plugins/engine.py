"""A real container engine for tests: mark them `engine`, and ask for these fixtures (of the session).

- `engine`: a Docker engine answers, and DOCKER_HOST (for `docker`, `docker compose` and the code under test)
  leads to it; gives `Engine`, whose `run(...)` runs a `docker` command and returns what that printed.
  It is the one that this machine runs already, or one that the tests start and end (root on Debian:
  `docker.io`). To have one stay up between runs: `python -m tools.engine up`, later `... down`.
- `base_image`: the name of an image with Debian and this very Python, in which `pip install` works.
- `headrace_image`: the name of an image with this checkout in it, as `headrace build` makes it;
  `executor_image(folder, tag)` puts a folder with an executor into /app on top of it.
- `podman`: the same for Podman, where it is installed, with a store of its own; `podman.take(image)` brings
  an image over from `engine`. HEADRACE_ENGINE is not set: say which one is meant.
- `left_over`: called at the end of a test with what its containers, networks and volumes are named after
  or labelled with, it fails if there are any.

Name what you make after the test (`engine.name('compose')` is different in each call), and remove it in the
test; what a killed test leaves goes with the engine, or carries `--label {engine.label}` and goes at the end.
Where no engine can be had the tests are skipped, and fail with HEADRACE_TEST_REQUIRE=engine.
Needs of the `needs` marker: `engine`, `compose`, `buildx`, `podman`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tools.engine import base, daemon, project
from tools.engine.owners import identity

TOOLS = Path(__file__).resolve().parents[2] / '.venv-tools/docker'
"""Where `.ci/run` puts the plugins of the `docker` command: a folder for DOCKER_CONFIG."""

TIMEOUT_S = 400
"""How long a test may take that says nothing else, with what it stands on."""

_SESSION = 'ENGINE_SESSION'


@dataclass(frozen=True)
class Engine:
    """The engine of the tests."""

    host: str
    label: str
    program: str = 'docker'

    def take(self, image: str) -> str:
        """Bring an image over from Docker; its name here."""
        with subprocess.Popen(['docker', 'save', image], stdout=subprocess.PIPE) as saved:
            done = subprocess.run(
                [self.program, 'load', '-q'], stdin=saved.stdout, capture_output=True, text=True, check=False
            )
        if done.returncode or saved.returncode:
            pytest.fail(f'{image} was not brought over: {done.stderr}')
        return f'localhost/{image}'

    def run(self, *arguments: str, check: bool = True, timeout_s: float = 120, stdin: str = '') -> str:
        """Run `docker ...` and return what it printed; a failure says what it printed."""
        done = self.call(*arguments, timeout_s=timeout_s, stdin=stdin)
        if check and done.returncode != 0:
            pytest.fail(
                f'{self.program} {" ".join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}'
            )
        return done.stdout.strip()

    def call(
        self, *arguments: str, timeout_s: float = 120, stdin: str = ''
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker ...`, however it ends."""
        command = [self.program, *arguments]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def name(self, stem: str) -> str:
        """A name that nothing else has."""
        return f'{stem}-{uuid.uuid4().hex[:8]}'

    def containers(self, *filters: str, everything: bool = True) -> list[str]:
        """The ids of containers with these filters (`label=...`, `name=...`)."""
        options = [part for each in filters for part in ('--filter', each)]
        return self.run('ps', '-q', '--no-trunc', *(['-a'] if everything else []), *options).split()


@cache
def engine_missing() -> str:
    """Why there is no engine and none can be started, or nothing."""
    if not shutil.which('docker'):
        return 'no docker command (Debian: docker.io)'
    return '' if _present() is not None else daemon.why_not()


@cache
def podman_missing() -> str:
    """Why there is no Podman, or nothing."""
    if not shutil.which('podman'):
        return 'no podman'
    return engine_missing() or ('' if os.geteuid() == 0 else 'podman is tested as root')


@cache
def compose_missing() -> str:
    """Why there is no Compose, or nothing."""
    return engine_missing() or _plugin_missing('compose')


@cache
def buildx_missing() -> str:
    """Why there is no Buildx, or nothing."""
    return engine_missing() or _plugin_missing('buildx')


def _plugin_missing(plugin: str) -> str:
    config = config_folder()
    env = {**os.environ, **({'DOCKER_CONFIG': config} if config else {})}
    done = subprocess.run(['docker', plugin, 'version'], env=env, capture_output=True, check=False)
    return '' if done.returncode == 0 else f'no docker {plugin} (.ci/run unpacks one into .venv-tools)'


def config_folder() -> str:
    """A folder for DOCKER_CONFIG that has Compose in it; '' if the `docker` command has it anyway."""
    if subprocess.run(['docker', 'compose', 'version'], capture_output=True, check=False).returncode == 0:
        return ''
    if not (TOOLS / 'cli-plugins/docker-compose').exists():
        return ''
    (TOOLS / 'config.json').touch()  # Podman wants one where DOCKER_CONFIG leads
    if not (TOOLS / 'config.json').stat().st_size:
        (TOOLS / 'config.json').write_text('{}')
    return str(TOOLS)


def _present() -> str | None:
    """DOCKER_HOST of an engine that answers now ('' where `docker` looks by itself), None if none does."""
    if daemon.answers():
        return os.environ.get('DOCKER_HOST', '')
    if not os.environ.get('DOCKER_HOST') and daemon.SOCKET.exists() and daemon.answers(daemon.HOST):
        return daemon.HOST
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; the process that starts the workers stands for the session."""
    config.addinivalue_line('markers', 'engine: needs a container engine')
    if not hasattr(config, 'workerinput'):
        os.environ[_SESSION] = f'{identity(os.getpid())} {uuid.uuid4().hex[:8]}'


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests the time that images take to be made, which whoever comes first has to wait for."""
    for item in items:
        if item.get_closest_marker('engine') and not item.get_closest_marker('timeout'):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the engine that this session has started, and remove what its tests have left in another one."""
    if hasattr(config, 'workerinput'):
        return
    pid, started, number = os.environ.pop(_SESSION, '0 0 0').split()
    used = _folder(number) / 'used'
    if used.exists():
        _sweep(used.read_text(), f'headrace.tests.session={number}')
        shutil.rmtree(used.parent, ignore_errors=True)
        daemon.release(f'{pid} {started}')


def _folder(number: str) -> Path:
    return Path('/tmp' if os.path.isdir('/tmp') else tempfile.gettempdir(), f'headrace-engine-{number}')


def _sweep(host: str, label: str) -> None:
    env = {**os.environ, **({'DOCKER_HOST': host} if host else {})}

    def docker(*arguments: str) -> list[str]:
        done = subprocess.run(['docker', *arguments], env=env, capture_output=True, text=True, check=False)
        return done.stdout.split()

    if names := docker('ps', '-aq', '--filter', f'label={label}'):
        docker('rm', '-fv', *names)
    for kind in ('network', 'volume'):
        if names := docker(kind, 'ls', '-q', '--filter', f'label={label}'):
            docker(kind, 'rm', *names)


@contextmanager
def _one_at_a_time() -> Generator[Path, None, None]:
    """A folder of this session, to one of its workers at a time."""
    folder = _folder(os.environ[_SESSION].split()[2])
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(folder / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope='session')
def engine() -> Generator[Engine, None, None]:
    """Give a container engine; see the top of this file."""
    if reason := engine_missing():
        pytest.skip(reason)  # tests marked `engine` have been told before
    pid, started, number = os.environ[_SESSION].split()
    with _one_at_a_time() as folder:
        host = _present()
        if host is None or host == daemon.HOST:
            host = daemon.up(f'{pid} {started}')
        (folder / 'used').write_text(host)
    with pytest.MonkeyPatch.context() as patch:
        if host:
            patch.setenv('DOCKER_HOST', host)
        if config := config_folder():
            patch.setenv('DOCKER_CONFIG', config)
        yield Engine(host, f'headrace.tests.session={number}')


PODMAN = """
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=32768:32768"]
[engine]
runtime = "runc"
events_logger = "file"
"""
STORE = """
[storage]
driver = "overlay"
graphroot = "{folder}/store"
runroot = "{folder}/run"
"""


@pytest.fixture(scope='session')
def podman(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine, None, None]:
    """Give Podman, with a store of its own; see the top of this file."""
    if reason := podman_missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp('podman')
    (folder / 'containers.conf').write_text(PODMAN)
    (folder / 'storage.conf').write_text(STORE.format(folder=folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('CONTAINERS_CONF', str(folder / 'containers.conf'))
        patch.setenv('CONTAINERS_STORAGE_CONF', str(folder / 'storage.conf'))
        yield Engine('', engine.label, 'podman')
        for command in (['rm', '--all', '--force'], ['rmi', '--all', '--force']):
            subprocess.run(['podman', *command], capture_output=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope='session')
def base_image(engine: Engine) -> str:
    """Give the name of the base image."""
    with _one_at_a_time():
        return base.build()


@pytest.fixture(scope='session')
def headrace_image(base_image: str) -> str:
    """Give the name of an image with this checkout."""
    with _one_at_a_time():
        return project.build()


@pytest.fixture(scope='session')
def executor_image(engine: Engine, headrace_image: str) -> Callable[[Path, str], str]:
    """Give a function that puts a folder with an executor into an image; the image's name."""

    def build(folder: Path, tag: str) -> str:
        with tempfile.TemporaryDirectory() as context:
            shutil.copytree(folder, Path(context, 'app'))
            Path(context, 'Dockerfile').write_text(
                f'FROM {headrace_image}\nCOPY app /app\nENV HEADRACE_USES=/app\n'
            )
            engine.run('build', '-q', '--label', engine.label, '-t', tag, context)
        return tag

    return build


@pytest.fixture(scope='session')
def left_over(engine: Engine) -> Callable[..., None]:
    """Give a function that fails if containers, networks or volumes with these filters are left."""

    def check(*filters: str) -> None:
        options = [part for each in filters for part in ('--filter', each)]
        found = engine.run('ps', '-a', *options, '--format', '{{.Names}} {{.Status}}').splitlines()
        for kind in ('network', 'volume'):
            found += engine.run(kind, 'ls', *options, '--format', f'{kind} {{{{.Name}}}}').splitlines()
        assert not found, f'left behind: {found}'

    return check
