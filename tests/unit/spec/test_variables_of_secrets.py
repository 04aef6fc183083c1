"""`env_from_secret`: how it is written is told, and a Flow of this machine wants its variables."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from headrace import Flow
from headrace.cli import main
from headrace.errors import SpecError

LIMITS = 'cpus: 1, memory: 1G'
SECRET = '{NO_SUCH_TOKEN: {name: shop, key: token}}'
MISSING = 'env_from_secret.NO_SUCH_TOKEN: the environment variable NO_SUCH_TOKEN is not set'
HELP = 'set NO_SUCH_TOKEN to token of the secret shop: export NO_SUCH_TOKEN=...'


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('NO_SUCH_TOKEN', raising=False)


def flow(tmp_path: Path, executor: str = '', gateway: str = '', env: str = '{}') -> str:
    file = tmp_path / 'flow.yml'
    file.write_text(
        f'env: {env}\ngateway: {{{LIMITS}{gateway}}}\nexecutors: [{{name: a, {LIMITS}{executor}}}]\n'
    )
    return str(file)


@pytest.mark.parametrize('written', ['[TOKEN]', '{TOKEN: shop}', '{TOKEN: {}}', '{TOKEN: {name: shop}}'])
def test_how_it_is_written_is_told(tmp_path: Path, written: str) -> None:
    with pytest.raises(SpecError) as caught:
        Flow.load_config(flow(tmp_path, f', env_from_secret: {written}'))
    assert '{TOKEN: {name: shop, key: token}}' in caught.value.help


@pytest.mark.parametrize(
    ('who', 'where'),
    [
        ("executor 'a'", {'executor': f', env_from_secret: {SECRET}'}),
        ('gateway', {'gateway': f', env_from_secret: {SECRET}'}),
        ("executor 'a/v2'", {'executor': f', versions: {{v2: {{env_from_secret: {SECRET}}}}}'}),
    ],
)
def test_a_variable_that_is_not_set_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str, where: dict[str, str]
) -> None:
    file = flow(tmp_path, **where)
    told = CliRunner().invoke(main, ['check', file])
    assert told.exit_code == 1
    assert f'{who}: {MISSING}' in told.output
    assert HELP in told.output
    monkeypatch.setenv('NO_SUCH_TOKEN', 'x')
    assert CliRunner().invoke(main, ['check', file]).exit_code == 0


def test_a_flow_does_not_start_without(tmp_path: Path) -> None:
    with (
        pytest.raises(SpecError, match=MISSING),
        Flow.load_config(flow(tmp_path, f', env_from_secret: {SECRET}')),
    ):
        pass


def test_what_the_flow_sets_itself_is_there(tmp_path: Path) -> None:
    file = flow(tmp_path, f', env_from_secret: {SECRET}', env='{NO_SUCH_TOKEN: own}')
    assert CliRunner().invoke(main, ['check', file]).exit_code == 0


def test_a_pipeline_needs_no_secret(tmp_path: Path) -> None:
    file = flow(tmp_path, f', env_from_secret: {SECRET}')
    told = CliRunner().invoke(main, ['check', file, '--strict'])
    assert told.exit_code == 0, told.output


def test_a_finding_is_told_from_its_remedy(tmp_path: Path) -> None:
    (tmp_path / 'flow.yml').write_text('executors: [{name: a, memory: 1G}]\n')
    told = CliRunner().invoke(main, ['check', str(tmp_path / 'flow.yml'), '--strict'])
    assert 'a may use every processor; help: cpus: 1\n' in told.output
