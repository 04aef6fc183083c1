"""What a container shall be, as the command that starts it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from headrace.containers.engine import Engine
from headrace.containers.runs import Run, volume
from headrace.errors import SpecError

DOCKER = Engine(program='/usr/bin/docker')
PODMAN = Engine(program='/usr/bin/podman', is_podman=True)


def made(**settings: Any) -> Run:
    return Run(**{'name': 'a', 'image': 'shop/encoder:1', 'box': '/box', 'workspace': '/kept', **settings})


def options(run: Run, engine: Engine = DOCKER) -> list[str]:
    command = run.command(engine)
    return command[1 : command.index('shop/encoder:1')]


def value_of(option: str, of: list[str]) -> list[str]:
    return [value for name, value in pairwise(of) if name == option]


def test_it_gets_no_rights_and_no_network_port() -> None:
    told = options(made(user='1000:1000'))
    assert value_of('--cap-drop', told) == ['ALL']
    assert value_of('--security-opt', told) == ['no-new-privileges']
    assert value_of('--user', told) == ['1000:1000']
    assert value_of('--pull', told) == ['never']
    assert '--read-only' in told
    assert '--publish' not in told
    assert '--privileged' not in told


def test_what_runs_in_it() -> None:
    assert made().command(DOCKER)[-3:] == ['shop/encoder:1', 'worker', '--lifeline']
    assert value_of('--entrypoint', options(made())) == ['headrace']
    own = made(entrypoint=('nice', 'headrace')).command(DOCKER)
    assert own[-4:] == ['shop/encoder:1', 'headrace', 'worker', '--lifeline']
    assert value_of('--entrypoint', own) == ['nice']


def test_values_of_variables_are_not_in_the_command() -> None:
    run = made(env={'TOKEN': 'secret', 'MODEL': 'large'})
    assert value_of('--env', options(run)) == ['TOKEN', 'MODEL']
    assert run.surroundings() == {'TOKEN': 'secret', 'MODEL': 'large'}


@pytest.mark.parametrize('name', ['PATH', 'DOCKER_HOST', 'LD_PRELOAD', 'https_proxy', 'CONTAINER_HOST'])
def test_those_that_the_engine_obeys_are_not_in_its_environment(name: str) -> None:
    run = made(env={name: 'x'})
    assert value_of('--env', options(run)) == []
    assert value_of('--env-file', options(run)) == [run.env_file]
    assert run.surroundings() == {}


SECRETS = {
    'GOOGLE_API_KEY': 's3cret',
    'SSH_PRIVATE_KEY': 's3cret\nof two lines',
    'SSL_PASSWORD': 's3cret',
    'PATHFINDER_TOKEN': 's3cret',
    'HOMEASSISTANT_TOKEN': 's3cret',
    'DOCKER_AUTH_CONFIG': 's3cret # "as it is" $HOME ',
    'https_proxy': 'http://me:s3cret@proxy',
}


@pytest.mark.parametrize('engine', [DOCKER, PODMAN])
def test_no_value_is_in_the_command_whatever_its_variable_is_called(tmp_path: Path, engine: Engine) -> None:
    run = made(env=SECRETS, box=str(tmp_path))
    run.write_variables()
    assert not any('s3cret' in part for part in run.command(engine))
    lines = Path(run.env_file).read_text().splitlines()
    assert lines == [f'{name}={SECRETS[name]}' for name in ('DOCKER_AUTH_CONFIG', 'https_proxy')]
    assert Path(run.env_file).stat().st_mode & 0o777 == 0o600
    assert {*SECRETS} == {*run.surroundings(), 'DOCKER_AUTH_CONFIG', 'https_proxy'}


def test_no_file_where_none_is_needed(tmp_path: Path) -> None:
    run = made(env={'COLOUR': 'red'}, box=str(tmp_path))
    run.write_variables()
    assert '--env-file' not in run.command(DOCKER)
    assert not Path(run.env_file).exists()


@pytest.mark.parametrize('value', ['a\nLD_PRELOAD=/evil.so', 'a\r', 'x' * 70_000])
def test_a_value_that_no_file_of_variables_can_have(tmp_path: Path, value: str) -> None:
    with pytest.raises(SpecError, match='the value of DOCKER_CERT cannot be given'):
        made(env={'DOCKER_CERT': value}, box=str(tmp_path)).write_variables()


def test_limits() -> None:
    told = options(made(cpus=1.5, memory='512Mi'))
    assert value_of('--cpus', told) == ['1.5']
    assert value_of('--memory', told) == [str(512 * 1024**2)]


def test_devices() -> None:
    assert value_of('--gpus', options(made(gpus='0,GPU-11'))) == ['"device=0,GPU-11"']
    assert value_of('--device', options(made(gpus='0,1'), PODMAN)) == ['nvidia.com/gpu=0', 'nvidia.com/gpu=1']


def test_where_sockets_are_not_shared_a_port_of_this_machine_only() -> None:
    assert value_of('--publish', options(made(port=9090))) == ['127.0.0.1::9090']


def test_podman_without_root_keeps_the_user() -> None:
    assert value_of('--userns', options(made(keeps_id=True, user='1000:1000'), PODMAN)) == ['keep-id']


def test_volumes(tmp_path: Path) -> None:
    (tmp_path / 'models').mkdir()
    assert volume('./models:/models:ro', str(tmp_path)) == f'{tmp_path}/models:/models:ro'
    assert volume(f'{tmp_path}/models:/models') == f'{tmp_path}/models:/models'
    assert volume('models:/models') == 'models:/models'


@pytest.mark.parametrize('text', ['', '/models', 'models:', ':/models', 'models:relative', 'models'])
def test_what_is_no_volume(text: str) -> None:
    with pytest.raises(SpecError, match='is no volume'):
        volume(text)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r'there is no .*/nowhere'):
        volume('./nowhere:/models', str(tmp_path))
