"""`headrace build`, as far as it needs no engine; and what is told to probes of a Flow that is served."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tiny_wheels import write_wheel

from headrace.cli import main
from headrace.cli.build import Steps, _tell
from headrace.images.builder import Image
from headrace.images.locking import Lock
from headrace.images.making import Built, Wanted, sketch

UPPER = """
from headrace import DocumentArray, Executor, requests

class Upper(Executor):
    @requests(on='/upper')
    def upper(self, docs: DocumentArray, **kwargs):
        docs.text = [text.upper() for text in docs.text]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'code').mkdir()
    (tmp_path / 'code' / 'upper.py').write_text(UPPER)
    return tmp_path / 'code'


def build(*arguments: object) -> Result:
    return CliRunner().invoke(main, ['build', *map(str, arguments)])


def test_print_needs_no_engine_and_writes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PATH', '')
    told = build(folder, '--print', '--base', 'mine:1', '--headrace', '1.0')
    assert told.exit_code == 0, told.output
    assert 'ARG BASE=mine:1\n' in told.output
    assert [path.name for path in folder.iterdir()] == ['upper.py']


def test_write_and_use_what_was_written(folder: Path, tmp_path: Path) -> None:
    wheels = tmp_path / 'wheels'
    write_wheel(wheels, 'apple', '1.0')
    wheel = write_wheel(tmp_path, 'headrace', '9.9', requires=['apple'])
    own = ('--headrace', wheel, '--wheels', wheels, '--offline')
    told = build(folder, '--write', *own)
    assert told.exit_code == 0, told.output
    assert sorted(path.name for path in folder.iterdir()) == [
        '.dockerignore',
        'Dockerfile',
        'requirements.lock',
        'upper.py',
    ]
    changed = (folder / 'Dockerfile').read_text() + '# mine\n'
    (folder / 'Dockerfile').write_text(changed)
    again = build(folder, '--print', *own)
    assert again.output.endswith(changed)
    assert 'is used as it is' in again.output
    refused = build(folder, '--write', *own)
    assert (refused.exit_code, 'has a Dockerfile already' in refused.output) == (1, True)
    assert (folder / 'Dockerfile').read_text() == changed


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (['--offline'], 'there is nothing to install from'),
        (['--python', '12'], 'is no version'),
        (['--extra', 'x'], 'has no pyproject.toml with extras'),
        (['--requirements', 'gone.txt'], 'there is no'),
        (['--headrace', 'gone.whl'], 'neither a wheel nor a folder'),
    ],
)
def test_what_cannot_be(folder: Path, options: list[str], says: str) -> None:
    told = build(folder, '--print', *options)
    assert told.exit_code == 1
    assert says in told.output


def test_without_an_engine_it_says_what_to_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.delenv('HEADRACE_ENGINE', raising=False)
    told = build(folder, '--headrace', '1.0')
    assert told.exit_code == 1
    assert 'no container engine answers' in told.output
    assert 'start Docker or Podman' in told.output
    assert not (folder / 'requirements.lock').exists()


def test_what_a_listing_takes_is_looked_at_before_the_build(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no engine: whoever looked for one first would say so."""
    monkeypatch.setenv('PATH', str(tmp_path))
    sbom = ('--headrace', '1.0', '--engine', 'docker', '--sbom')
    told = build(folder, *sbom, tmp_path / 'gone' / 'sbom.json')
    assert told.exit_code == 1
    assert 'cannot be written' in told.output
    told = build(folder, *sbom, tmp_path / 'sbom.json')
    assert 'cannot be written' not in told.output
    monkeypatch.setitem(sys.modules, 'cyclonedx.output', None)
    told = build(folder, *sbom, tmp_path / 'sbom.json')
    assert told.exit_code == 1
    assert "pip install 'headrace[sbom]'" in told.output
    assert not (folder / 'requirements.lock').exists()


def test_steps_of_every_builder_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with Steps(is_verbose=False) as steps:
        for line in ('#5 [code 1/3] COPY . /x', '#5 0.3 noise', 'Step 3/20 : RUN a', ' ---> Running in 1'):
            steps.line(line)
        steps.line('[2/5] STEP 3/4: RUN b:x:')
    shown = capsys.readouterr().err.splitlines()
    assert shown == ['#5 [code 1/3] COPY . /x', 'Step 3/20 : RUN a', '[2/5] STEP 3/4: RUN b:x:']


FLOW = """
name: shop
executors:
  - uses: upper.py:Upper
    uses_with: {token: '${{ ENV.SHOP_TOKEN }}'}
    env_from_secret: {KEY: {name: a, key: b}}
gateway: {protocol: [grpc, http], port: [5000, 8000]}
"""


def trial(folder: Path, capsys: pytest.CaptureFixture[str], lacks: tuple[str, ...] = ()) -> tuple[str, str]:
    """What is said of an image that was built, and what is noted."""
    made = sketch(Wanted(path=str(folder), headrace='1.0'))
    image = Image(id='1', size=5, layers=())
    lock = Lock(file='requirements.lock', text='')
    _tell(
        Built(
            tags=('shop:1',), image=image, base=None, lock=lock, files=1, bytes=1, created=0, choosing_s=0.0,
            building_s=0.0, lacks=lacks,
        ),
        made,
        'docker',
    )  # fmt: skip
    said = capsys.readouterr()
    return said.out, said.err


def test_the_command_to_try_a_flow_has_its_ports_and_variables(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / 'flow.yml').write_text(FLOW)
    monkeypatch.delenv('SHOP_TOKEN', raising=False)
    monkeypatch.setenv('KEY', 'here')
    said, noted = trial(folder, capsys)
    ports = '-p 127.0.0.1:5000:5000 -p 127.0.0.1:8000:8000 -e HEADRACE_PUBLISHED=127.0.0.1'
    command = f'run --rm --read-only --tmpfs /tmp -v code:/data -e SHOP_TOKEN -e KEY {ports} shop:1'
    assert f'try it:      docker {command}\n' in said
    assert 'docker volume rm code' in said
    assert noted == 'note: it wants SHOP_TOKEN, not set here: export SHOP_TOKEN=...\n'
    monkeypatch.setenv('SHOP_TOKEN', 'x')
    assert trial(folder, capsys) == (said, '')


def test_the_command_to_try_an_executor_has_its_variables(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / 'config.yml').write_text('jtype: Upper\nwith: {token: "${{ ENV.NO_SUCH_TOKEN }}"}\n')
    said, noted = trial(folder, capsys)
    ports = '-p 127.0.0.1:50051:50051 -p 127.0.0.1:8080:8080 -e HEADRACE_PUBLISHED=127.0.0.1'
    assert f'-v code:/data -e NO_SUCH_TOKEN {ports} shop:1' in said
    assert 'it wants NO_SUCH_TOKEN' in noted


def test_a_dockerfile_that_was_made_here_is_tried_as_well(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / 'Dockerfile').write_text(sketch(Wanted(path=str(folder), headrace='1.0')).text)
    assert 'try it:' in trial(folder, capsys)[0]
    (folder / 'Dockerfile').write_text('FROM scratch\n')
    assert 'try it:' not in trial(folder, capsys)[0]


def test_what_the_image_lacks_is_the_last_word(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trial(folder, capsys, lacks=('upper.py imports x',))[1] == 'note: upper.py imports x\n'


def test_a_class_that_is_not_there_gets_no_image(folder: Path) -> None:
    told = build(f'{folder / "upper.py"}:Uper', '--print', '--headrace', '1.0')
    assert told.exit_code == 1
    assert "upper.py has no 'Uper'" in told.output
    assert "did you mean 'Upper'?" in told.output
    assert build(f'{folder / "upper.py"}:Upper', '--print', '--headrace', '1.0').exit_code == 0
