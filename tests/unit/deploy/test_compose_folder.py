"""A folder that `export compose` has written: what goes with the next export, and what stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from headrace import Flow
from headrace.cli import main

FLOW = """
name: shop
executors: [{name: encoder}, {name: index}]
gateway: {protocol: http, port: 8080}
"""


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'flow.yml'
    path.write_text(FLOW)
    return path


def export(flow: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ['export', 'compose', str(flow), '--image', 'shop:1', *more])


def files(folder: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob('*') if path.is_file()}


PLAIN = {'compose.yaml', *(f'flow/{name}.yml' for name in ('gateway', 'encoder', 'index'))}


def test_what_an_earlier_export_made_goes_and_what_is_the_users_stays(flow: Path) -> None:
    assert export(flow, '--monitoring').exit_code == 0
    assert {'prometheus/prometheus.yml', 'grafana/dashboards/headrace-shop-errors.json'} < files('compose')
    assert export(flow, '--monitoring').exit_code == 0  # over its own files, dashboards as well
    Path('compose/compose.override.yaml').write_text('services: {}\n')
    Path('compose/grafana/dashboards/mine.json').write_text('{}')
    flow.write_text(FLOW.replace('index', 'search'))
    told = export(flow)
    assert told.exit_code == 0
    for line in ('compose/flow/index.yml removed', 'compose/prometheus/prometheus.yml removed'):
        assert line in told.stderr
    plain = {*PLAIN, 'flow/search.yml'} - {'flow/index.yml'}
    assert files('compose') == {*plain, 'compose.override.yaml', 'grafana/dashboards/mine.json'}
    assert not Path('compose/prometheus').exists()


def test_what_would_change_is_shown_and_checked_and_only_that_is_written(flow: Path) -> None:
    told = export(flow, '--check')
    assert told.exit_code == 1
    assert 'compose/compose.yaml is missing\n' in told.stderr
    assert not Path('compose').exists()
    export(flow)
    assert export(flow, '--check').exit_code == 0
    assert export(flow, '--diff').stdout == ''
    before = Path('compose/compose.yaml').read_text()
    flow.write_text(FLOW.replace('{name: index}', '{name: index, memory: 1G}'))
    shown = export(flow, '--diff')
    assert shown.exit_code == 0
    assert any(line.startswith('+') and 'memory:' in line for line in shown.stdout.splitlines())
    told = export(flow, '--check')
    assert told.exit_code == 1
    assert 'compose/compose.yaml would change\n' in told.stderr
    assert Path('compose/compose.yaml').read_text() == before
    told = export(flow)
    assert told.exit_code == 0
    assert [line for line in told.stderr.splitlines() if line.endswith(' written')] == [
        'compose/compose.yaml written'
    ]
    assert 'nothing to change in compose' in export(flow).stderr


def test_python_removes_as_well_and_names_all_that_it_wrote(flow: Path) -> None:
    shop = Flow.load_config(flow)
    shop.to_docker_compose_yaml('here', image='shop:1', monitoring=True)
    again = [shop.to_docker_compose_yaml('here', image='shop:1') for _ in range(2)]
    assert again[0] == again[1] == [Path('here', name) for name in names_of(again[0])]
    assert files('here') == PLAIN == {*names_of(again[0])}


def names_of(paths: list[Path]) -> list[str]:
    return [path.relative_to('here').as_posix() for path in paths]


def test_files_of_other_exports_in_the_same_folder_stay(flow: Path) -> None:
    for kind in ('prometheus', 'grafana'):
        assert CliRunner().invoke(main, ['export', kind, str(flow)]).exit_code == 0
    before = files('prometheus') | files('grafana')
    assert export(flow, '-o', '.').exit_code == 0
    assert files('prometheus') | files('grafana') == before


def test_a_file_of_somebody_else_is_not_overwritten(flow: Path) -> None:
    Path('compose').mkdir()
    Path('compose/compose.yaml').write_text('services: {mine: {image: a}}\n')
    told = export(flow)
    assert told.exit_code == 1
    assert 'would be overwritten' in told.output
    assert files('compose') == {'compose.yaml'}


def test_the_head_says_how_to_scale_without_touching_the_rest(flow: Path) -> None:
    export(flow)
    head = [line for line in Path('compose/compose.yaml').read_text().splitlines() if line.startswith('#')]
    assert any('docker compose up -d --no-recreate --scale NAME=3 ' in line for line in head)
    told = yaml.safe_load(Path('compose/flow/encoder.yml').read_text())
    assert 'encoder' in [each['name'] for each in told['executors']]


def test_an_export_tells_the_volumes_that_it_leaves_behind(flow: Path) -> None:
    kept = FLOW.replace('{name: index}', '{name: index, storage: 1G, replicas: 2}')
    flow.write_text(kept)
    assert 'volume' not in export(flow).output
    assert 'volume' not in export(flow).output
    flow.write_text(kept.replace('replicas: 2', 'replicas: 1'))
    output = export(flow).output
    for name in ('shop_index-rep-0-data', 'shop_index-rep-1-data'):
        assert f'note: volume {name} is of no service any more' in output
        assert f'docker volume rm {name}' in output
    assert 'volume' not in export(flow).output
    Path('compose/compose.yaml').write_text('# Made by `headrace export compose`: {{ spoilt')
    assert export(flow).exit_code == 0
