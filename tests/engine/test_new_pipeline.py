"""The pipeline that `headrace new` writes: its steps as they stand there, where they need no registry."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine import Engine
from packaging.requirements import Requirement

from headrace.images.own import own

pytestmark = [pytest.mark.engine, pytest.mark.timeout(500)]

ELSEWHERE = {'scan', 'push', 'deploy'}
"""Steps that need an image of others, a registry, or a cluster."""

TEST = tuple(('test', name) for name in ('install', 'lint', 'check', 'test', 'export'))
IMAGE = tuple(('image', name) for name in ('install', 'build'))


class Pipeline:
    """A project and the steps of its jobs; they run in an environment that has no headrace at first."""

    def __init__(self, folder: Path, programs: Path, given: Mapping[str, str]) -> None:
        self.folder = folder
        told = yaml.safe_load((folder / '.github/workflows/ci.yml').read_text())
        self.jobs: dict[str, Any] = told['jobs']
        said = {
            name: text.replace('${{ github.repository }}', 'My/Shop') for name, text in told['env'].items()
        }
        kept = {name: text for name, text in os.environ.items() if not name.startswith(('PYTHON', 'VIRTUAL'))}
        self.env = {**kept, **said, **given, 'PATH': f'{programs}:{os.environ["PATH"]}'}

    def step(self, job: str, name: str) -> str:
        """Run a step as its machine would; what it printed."""
        (text,) = [step['run'] for step in self.jobs[job]['steps'] if step.get('name') == name]
        done = subprocess.run(
            ['bash', '-e', '-c', text],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        told = done.stdout + done.stderr
        assert done.returncode == 0, f'{job}/{name}: {done.returncode}\n{told}'
        return told


@pytest.fixture(scope='module')
def pipeline(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    top = tmp_path_factory.mktemp('pipeline')
    wheel = own('').wheel(top)
    assert wheel is not None
    venv = top / 'venv'
    subprocess.run([sys.executable, '-m', 'venv', str(venv)], check=True, timeout=120)
    new = [
        sys.executable,
        '-c',
        'from headrace.cli import main; main()',
        'new',
        'my-shop',
        '-o',
        str(top / 'shop'),
    ]
    subprocess.run(new, check=True, capture_output=True, timeout=60)
    base = re.search(r'^ARG BASE=(\S+)', (top / 'shop/Dockerfile').read_text(), re.MULTILINE)
    assert base is not None
    engine.run('tag', base_image, base[1])  # nothing is pulled here: the file stays as it is
    given = {'GITHUB_SHA': engine.name('sha'), 'HEADRACE': str(wheel), 'PIP_DISABLE_PIP_VERSION_CHECK': '1'}
    made = Pipeline(top / 'shop', venv / 'bin', given)
    try:
        yield made
    finally:
        engine.run('rmi', '-f', base[1], f'ghcr.io/my/shop:{given["GITHUB_SHA"]}', check=False)


def test_every_step_is_run_here_or_needs_what_is_elsewhere(pipeline: Pipeline) -> None:
    steps = {
        (job, step['name']) for job, told in pipeline.jobs.items() for step in told['steps'] if 'run' in step
    }
    run = {*TEST, *IMAGE, ('deploy', 'install'), ('deploy', 'export')}
    assert {step for step in steps if step[1] not in ELSEWHERE} == run


def test_headrace_comes_from_the_place_that_the_head_says(pipeline: Pipeline) -> None:
    text = (pipeline.folder / '.github/workflows/ci.yml').read_text()
    assert text.count('headrace==') == 1
    assert not re.search('pip install headrace', text)


def test_an_image_is_built_of_what_is_locked(pipeline: Pipeline, engine: Engine) -> None:
    lock = pipeline.folder / 'requirements.lock'
    before = lock.read_text()
    told = [pipeline.step(*step) for step in IMAGE]
    assert f'ghcr.io/my/shop:{pipeline.env["GITHUB_SHA"]}' in told[-1]
    assert lock.read_text() == before
    lock.unlink()
    with pytest.raises(AssertionError, match=r'requirements\.lock is missing'):
        pipeline.step('image', 'build')
    lock.write_text(before)
    requirements = pipeline.folder / 'requirements.txt'
    said = requirements.read_text()
    requirements.write_text(f'{said}\ntabulate\n')
    with pytest.raises(AssertionError, match='older than what is required'):
        pipeline.step('image', 'build')
    requirements.write_text(said)


def locked_here(text: str) -> list[str]:
    """What a lock has for this Python and machine; uv locks for others, too."""
    lines = re.findall(r'^([\w.-]+==[^\\\n]+)', text, re.MULTILINE)
    found = [Requirement(line) for line in lines]
    return [f'{each.name}{each.specifier}' for each in found if not each.marker or each.marker.evaluate()]


def test_what_is_locked_is_installed_checked_and_tested(pipeline: Pipeline) -> None:
    told = {name: pipeline.step(job, name) for job, name in TEST}
    assert 'All checks passed' in told['lint']
    assert 'is sound' in told['check']
    assert '6 passed' in told['test']
    installed = subprocess.run(
        ['pip', 'freeze'], env=pipeline.env, capture_output=True, text=True, timeout=60, check=True
    )
    versions = {line.lower() for line in installed.stdout.splitlines()}
    locked = locked_here((pipeline.folder / 'requirements.lock').read_text())
    assert [line for line in locked if line.lower() in versions]
    names = {line.partition('==')[0] for line in versions}
    assert [
        line for line in locked if line.partition('==')[0] in names and line.lower() not in versions
    ] == []


def test_manifests_that_are_committed_have_to_be_those_of_the_flow(pipeline: Pipeline) -> None:
    pipeline.step('deploy', 'export')
    pipeline.env['GITHUB_SHA'] = 'another-one'
    pipeline.step('test', 'export')
    flow = pipeline.folder / 'flow.yml'
    said = flow.read_text()
    flow.write_text(said.replace('replicas: 2', 'replicas: 3'))
    with pytest.raises(AssertionError, match='test/export: 1'):
        pipeline.step('test', 'export')
    flow.write_text(said)
