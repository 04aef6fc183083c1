"""Variables of a Flow that nobody has set: exports ask for those whose values count, and for no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headrace.cli import main

FLOW = """
name: shop
executors:
  - name: encoder
    uses: shop:Encoder
    uses_with: {token: '${{ ENV.SHOP_TOKEN }}', greeting: 'Hello ${{ ENV.SHOP_NAME }}'}
    env: {KEY: '${{ ENV.SHOP_KEY }}'}
  # - {name: later, uses: 'shop:Later', replicas: '${{ ENV.SHOP_LATER }}'}
gateway: {protocol: http, port: 8080, title: '${{ ENV.SHOP_TITLE }}'}
observe: {traces: {endpoint: '${{ ENV.SHOP_TRACES }}', headers: {key: '${{ ENV.SHOP_TRACES_KEY }}'}}}
"""
NAMES = ('SHOP_TOKEN', 'SHOP_NAME', 'SHOP_KEY', 'SHOP_TITLE', 'SHOP_TRACES', 'SHOP_TRACES_KEY')
KINDS = ('compose', 'kubernetes', 'prometheus', 'grafana')


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / 'flow.yml'
    path.write_text(FLOW)
    return path


def export(kind: str, flow: Path, *more: str) -> Result:
    image = ('--image', 'shop:1') if kind in ('compose', 'kubernetes') else ()
    return CliRunner().invoke(main, ['export', kind, str(flow), *image, *more])


def files(folder: str) -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(Path(folder).rglob('*')) if path.is_file()}


@pytest.mark.parametrize('kind', KINDS)
def test_no_value_is_asked_for_that_is_in_no_file(
    kind: str, flow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = export(kind, flow, '-o', 'made')
    assert told.exit_code == 0, told.output
    without = files('made')
    for name in NAMES:
        monkeypatch.setenv(name, f'value of {name}')
    assert export(kind, flow, '-o', 'made').exit_code == 0
    assert files('made') == without
    assert not any('value of' in text or 'unset' in text for text in without.values())


def test_whether_manifests_are_up_to_date_is_known_without_secrets(flow: Path) -> None:
    assert export('kubernetes', flow).exit_code == 0
    assert export('kubernetes', flow, '--check').exit_code == 0
    flow.write_text(FLOW.replace('port: 8080', 'port: 8081'))
    told = export('kubernetes', flow, '--check')
    assert told.exit_code == 1
    assert 'error' not in told.stderr


@pytest.mark.parametrize(
    ('before', 'after', 'where'),
    [
        ('port: 8080', 'port: ${{ ENV.COUNTS }}', '9: gateway.port'),
        (
            'uses: shop:Encoder',
            'uses: shop:Encoder\n    replicas: ${{ ENV.COUNTS }}',
            '6: executors[0].replicas',
        ),
        ('name: shop', 'name: shop-${{ ENV.COUNTS }}', '2: name'),
        ('name: encoder', 'name: ${{ ENV.COUNTS }}', '4: executors[0].name'),
        ('uses: shop:Encoder', 'uses: shop:Encoder\n    image: x:${{ ENV.COUNTS }}', '6: executors[0].image'),
        (
            "KEY: '${{",
            "CUDA_VISIBLE_DEVICES: '${{ ENV.COUNTS }}', KEY: '${{",
            '7: executors[0].env.CUDA_VISIBLE',
        ),
        ('port: 8080', 'port: 8080, security: {keys: "${{ ENV.COUNTS }}"}', '9: gateway.security.keys'),
    ],
)
def test_a_value_that_counts_is_asked_for_and_no_other(
    before: str, after: str, where: str, flow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.write_text(FLOW.replace(before, after))
    told = export('compose', flow)
    assert told.exit_code == 1
    assert f'error: {flow}:{where}' in told.stderr
    assert '${{ ENV.COUNTS }}: the environment variable COUNTS is not set' in told.stderr
    assert 'help: export COUNTS=...' in told.stderr
    assert not Path('compose').exists()


def test_what_else_is_wrong_is_said_as_ever(flow: Path) -> None:
    told = CliRunner().invoke(main, ['export', 'compose', str(flow)])
    assert 'gateway: nobody says which image it runs in' in told.stderr
    flow.write_text(FLOW.replace('uses_with', 'uses_wiht'))
    assert "unknown key 'uses_wiht'" in export('compose', flow).stderr
