"""Exports into the folder that images are made of: no file of them is in an image, whoever builds it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from headrace import Flow
from headrace.cli import main
from headrace.images.context import context
from headrace.images.exported import HEADING
from headrace.images.ignore import DEFAULT, Ignore, ignore_of

FLOW = """
with: {name: shop, port: 8080, protocol: http}
executors:
  - {name: encoder, uses: shop.py:Encoder, versions: {v2: {replicas: 2}}}
"""
CODE = 'from headrace import Executor\n\n\nclass Encoder(Executor): ...\n'
MINE = {'flow.yml', 'shop.py', 'requirements.txt', 'flow/own.yml', 'patches/own.diff', 'data/rules.json'}
COMMANDS = {
    'compose': ['compose', '--image', 'shop:1', '--monitoring'],
    'kubernetes': ['kubernetes', '--image', 'shop:1', '--namespace', 'live'],
    'prometheus': ['prometheus', '--discovery', 'file'],
    'grafana': ['grafana'],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in MINE:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text({'flow.yml': FLOW, 'shop.py': CODE}.get(name, '# mine\n'))
    return tmp_path


def export(project: Path, what: str, where: str = '.') -> str:
    first, *rest = COMMANDS[what]
    words = ['export', first, str(project / 'flow.yml'), '-o', str(project / where), *rest]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.output


def of_builder(project: Path) -> set[str]:
    """What `headrace build` gives the engine."""
    return set(context(project, ignore_of(project), {}).files)


def of_docker(project: Path) -> set[str]:
    """What a plain `docker build` gives it, which knows nothing but the lines."""
    ignore = Ignore((project / '.dockerignore').read_text().splitlines())
    names = (path.relative_to(project).as_posix() for path in project.rglob('*') if path.is_file())
    return {name for name in names if not ignore(name)} - {'.dockerignore'}


@pytest.mark.parametrize('where', ['.', 'deploy/live'])
@pytest.mark.parametrize('what', [*COMMANDS])
def test_nothing_of_an_export_is_in_an_image(project: Path, what: str, where: str) -> None:
    (project / '.dockerignore').write_text(DEFAULT)
    output = export(project, what, where)
    assert '.dockerignore written' in output
    if what == 'compose':
        (project / where / 'compose.override.yaml').write_text('services: {}')
    assert of_docker(project) == MINE
    assert of_builder(project) == MINE
    assert '.dockerignore' not in export(project, what, where)
    (project / '.dockerignore').unlink()
    assert of_builder(project) == MINE


def test_exports_from_python_are_left_out_as_well(project: Path) -> None:
    (project / '.dockerignore').write_text(DEFAULT)
    flow = Flow.load_config(project / 'flow.yml')
    flow.to_docker_compose_yaml(project, image='shop:1')
    flow.to_kubernetes_yaml(project, image='shop:1')
    flow.to_prometheus(project / 'watch')
    flow.to_grafana(project / 'watch')
    assert of_docker(project) == MINE


def test_a_later_export_adds_what_is_new_under_the_same_heading(project: Path) -> None:
    (project / '.dockerignore').write_text(DEFAULT)
    export(project, 'compose')
    flow = project / 'flow.yml'
    flow.write_text(FLOW + '  - {name: index, uses: shop.py:Encoder}\n')
    export(project, 'compose')
    lines = (project / '.dockerignore').read_text().splitlines()
    assert lines[-1] == 'flow/index.yml'
    assert lines.count(HEADING) == 1
    assert of_docker(project) == MINE


def test_rules_of_somebody_else_are_not_touched_and_it_is_told(project: Path) -> None:
    (project / '.dockerignore').write_text('flow/gateway.yml\n')
    output = export(project, 'compose')
    assert (project / '.dockerignore').read_text() == 'flow/gateway.yml\n'
    assert 'does not leave out compose.yaml, ' in output
    assert 'plain `docker build`' in output
    assert of_builder(project) == MINE


def test_an_export_elsewhere_or_without_rules_changes_none(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert 'dockerignore' not in export(project, 'compose')
    assert not (project / '.dockerignore').exists()
    (project / '.dockerignore').write_text(DEFAULT)
    export(project, 'kubernetes', str(tmp_path_factory.mktemp('elsewhere')))
    assert (project / '.dockerignore').read_text() == DEFAULT


def test_rules_that_are_written_after_exports_leave_them_out(project: Path) -> None:
    export(project, 'compose')
    export(project, 'kubernetes', 'deploy')
    (project / 'requirements.txt').unlink()
    done = CliRunner().invoke(main, ['build', str(project), '--write'])
    assert done.exit_code == 0, done.output
    lines = (project / '.dockerignore').read_text().partition(HEADING)[2].split()
    assert {'deploy', 'compose.yaml', 'flow/gateway.yml', 'flow/encoder.yml'} <= {*lines}
    left = of_docker(project) - MINE
    assert left <= {'Dockerfile', 'requirements.lock'}


def test_a_file_that_the_rules_take_back_is_in_the_image(project: Path) -> None:
    export(project, 'compose')
    (project / '.dockerignore').write_text('!compose.yaml\n')
    assert of_builder(project) == {*MINE, 'compose.yaml'}
