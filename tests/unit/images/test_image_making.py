"""What an image will be, as far as it can be known without an engine."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from tiny_wheels import write_wheel

from headrace import __version__
from headrace.containers.engine import Engine
from headrace.errors import SpecError, StartError
from headrace.images.builder import Builder, Order, build_command, find_builder
from headrace.images.context import Context
from headrace.images.index import Index
from headrace.images.labels import labels, origin
from headrace.images.locking import Lock
from headrace.images.making import Wanted, default_tag, gather, notes_of, pin, sketch
from headrace.images.own import Own, own
from headrace.images.subject import Subject

FLOW = """
executors:
  - {name: a, uses: 'shop:A'}
with: {name: my_shop}
gateway: {protocol: [grpc, http], port: [0, 8123]}
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    (tmp_path / 'shop').mkdir()
    (tmp_path / 'shop' / 'flow.yml').write_text(FLOW)
    return tmp_path / 'shop'


def stages(text: str) -> list[str]:
    return re.findall(r'^FROM .*', text, re.MULTILINE)


def instruction(text: str, name: str) -> list[str]:
    """The JSON list of an instruction."""
    line = re.findall(rf'^{name} (\[.*\])$', text, re.MULTILINE)[-1]
    return list(json.loads(line))


def test_a_flow(flow: Path) -> None:
    made = sketch(Wanted(path=str(flow)))
    assert instruction(made.text, 'ENTRYPOINT') == ['headrace']
    assert instruction(made.text, 'CMD')[:2] == ['run', '/app/flow.yml']
    assert 'EXPOSE 8123 9090 9091' in made.text
    assert made.notes == ('grpc takes another port at each start: give it one',)
    assert default_tag(made) == 'shop:latest'
    assert 'HEADRACE_USES' not in made.text


def test_an_executor(tmp_path: Path) -> None:
    (tmp_path / 'config.yml').write_text('jtype: A\n')
    made = sketch(Wanted(path=str(tmp_path)))
    command = instruction(made.text, 'CMD')
    assert command[:2] == ['executor', '/app']
    assert command[-2:] == ['--health', '0.0.0.0:9091']
    assert 'HEADRACE_USES=/app' in made.text
    assert 'EXPOSE 50051 8080 9090 9091' in made.text


def test_the_order_of_layers(flow: Path) -> None:
    (flow / 'apt.txt').write_text('libgl1\n')
    (flow / 'apt-build.txt').write_text('gcc\n')
    made = sketch(Wanted(path=str(flow)))
    assert stages(made.text) == [
        'FROM ${BASE} AS system',
        'FROM system AS requirements',
        'FROM requirements AS headrace',
        'FROM system AS code',
        'FROM system',
    ]
    last = made.text.rpartition('\nFROM system\n')[2]
    copies = re.findall(r'^COPY .*', last, re.MULTILINE)
    assert copies == [f'COPY --from={stage} /layer /' for stage in ('requirements', 'headrace', 'code')]
    first, second = made.text.partition('AS system')[2].split('AS requirements')[:2]
    assert 'install -y --no-install-recommends libgl1' in first
    assert 'install -y --no-install-recommends gcc' in second
    assert 'gcc' not in first + last
    assert 'PIP_' not in last
    assert 'USER 10001:10001' in last


def test_base_and_python(flow: Path) -> None:
    assert re.match(r'python:3\.\d+-slim$', sketch(Wanted(path=str(flow))).recipe.base)
    assert sketch(Wanted(path=str(flow), python='3.13')).recipe.base == 'python:3.13-slim'
    assert sketch(Wanted(path=str(flow), base='here/python:3.12-x')).python == '3.12'
    gpu = sketch(Wanted(path=str(flow), is_gpu=True))
    assert 'ARG BASE=nvidia/cuda:' in gpu.text
    assert 'NVIDIA_VISIBLE_DEVICES=all' in gpu.text
    assert (gpu.python, 'python3-pip' in gpu.text) == ('3.12', True)


def test_settings_of_the_flow(flow: Path) -> None:
    (flow / 'flow.yml').write_text(FLOW.replace('8123', '${{ port }}'))
    unknown = sketch(Wanted(path=str(flow)))
    assert 'is not checked' in unknown.notes[0]
    known = sketch(Wanted(path=str(flow), settings={'port': 7000}))
    assert 'EXPOSE 7000' in known.text
    assert instruction(known.text, 'CMD')[2:4] == ['--set', 'port=7000']


def test_a_flow_that_is_wrong_gets_no_image(flow: Path) -> None:
    (flow / 'flow.yml').write_text(FLOW + 'executers: []\n')
    with pytest.raises(SpecError, match="unknown key 'executers'"):
        sketch(Wanted(path=str(flow)))


def test_a_dockerfile_that_is_there_is_used(flow: Path) -> None:
    (flow / 'Dockerfile').write_text('FROM scratch\n')
    (flow / 'apt.txt').write_text('libgl1\n')
    made = sketch(Wanted(path=str(flow)))
    assert (made.text, made.is_theirs) == ('FROM scratch\n', True)
    assert any(
        'Dockerfile of the folder is used as it is: it knows nothing of apt.txt' in n for n in made.notes
    )


@pytest.mark.parametrize(
    ('said', 'python', 'based'),
    [
        ('ARG BASE=python:3.12-slim\nFROM ${BASE} AS system\nFROM system\n', '3.12', '3.13'),
        ('arg PYTHON="3.12"\nFROM --platform=linux/arm64 python:$PYTHON\n', '3.12', '3.12'),
        ('FROM node:20 AS js\nFROM python:3.12 AS Here\nFROM node:20\nFROM here\n', '3.12', '3.12'),
        ('ARG BASE\nFROM ${BASE:-python:3.12}\nARG BASE=python:3.9\n', '3.12', '3.13'),
    ],
)
def test_versions_are_chosen_for_the_python_of_a_dockerfile_that_is_there(
    flow: Path, said: str, python: str, based: str
) -> None:
    """That of its last stage; --base counts where the file asks for it."""
    (flow / 'Dockerfile').write_text(said)
    made = sketch(Wanted(path=str(flow)))
    assert (made.python, made.recipe.base.partition(':')[0]) == (python, 'python')
    for wanted in (
        Wanted(path=str(flow), base='mine/python:3.13'),
        Wanted(path=str(flow), arguments={'BASE': 'mine/python:3.13'}),
    ):
        made = sketch(wanted)
        assert made.python == based
        assert (made.recipe.base == 'mine/python:3.13') == (based == '3.13')
        assert ('knows nothing of --base' in made.notes[-1]) == (based == '3.12' and bool(wanted.base))
    assert sketch(Wanted(path=str(flow), python='3.11')).python == '3.11'


@pytest.mark.parametrize('said', ['FROM scratch\n', 'ARG OF\nFROM ${OF}\n', '# nothing yet\n'])
def test_a_base_that_nobody_knows_is_not_told(flow: Path, said: str) -> None:
    (flow / 'Dockerfile').write_text(said)
    made = sketch(Wanted(path=str(flow)))
    assert made.recipe.base == ''
    subject = Subject(folder=flow, name='a', uses='/app')
    found = origin(subject, Context(folder=flow, files=(), more={}))
    assert 'org.opencontainers.image.base.name' not in labels(subject, found, base=made.recipe.base)


def test_a_base_that_is_given_as_an_argument(flow: Path) -> None:
    made = sketch(Wanted(path=str(flow), arguments={'BASE': 'mine/python:3.13'}))
    assert (made.python, made.recipe.base) == ('3.13', 'mine/python:3.13')


def test_what_the_builder_gets(flow: Path, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, 'headrace', '9.9')
    write_wheel(tmp_path / 'wheels', 'apple', '1.0')
    wanted = Wanted(
        path=str(flow), headrace=str(wheel), index=Index(wheels=tmp_path / 'wheels', is_offline=True)
    )
    made = sketch(wanted)
    assert 'COPY .headrace/headrace-*.whl' in made.text
    assert 'COPY .headrace/wheels /build/wheels' in made.text
    assert 'PIP_NO_INDEX=1' in made.text
    out = io.BytesIO()
    gather(made, Lock(file='requirements.lock', text='a==1\n'), wheel).write(out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        assert archive.getnames() == [
            f'.headrace/{wheel.name}',
            '.headrace/wheels/apple-1.0-py3-none-any.whl',
            'Dockerfile',
            'flow.yml',
            'requirements.lock',
        ]


def test_a_lock_is_written_into_the_folder(flow: Path, tmp_path: Path) -> None:
    write_wheel(tmp_path / 'wheels', 'apple', '1.0')
    wheel = write_wheel(tmp_path, 'headrace', '9.9', requires=['apple'])
    index = Index(wheels=tmp_path / 'wheels', is_offline=True)
    found = pin(sketch(Wanted(path=str(flow), headrace=str(wheel), index=index)))
    assert 'apple==1.0' in (flow / 'requirements.lock').read_text()
    assert found.is_new


def test_what_one_should_know_of_the_files(tmp_path: Path) -> None:
    (tmp_path / '.env').write_text('')
    with (tmp_path / 'model').open('wb') as file:
        file.truncate(300_000_000)
    secret, large = notes_of(Context(folder=tmp_path, files=('.env', 'model'), more={}))
    assert '.env goes into the image' in secret
    assert '300 MB' in large
    assert 'model' in large


@pytest.mark.parametrize('release', ['1.0', '2.1.3', '1.0rc1'])
def test_a_release_of_headrace_comes_from_the_index(flow: Path, release: str) -> None:
    found = own(release)
    assert found.requirement == f'headrace=={release}'
    text = sketch(Wanted(path=str(flow), headrace=release)).text
    assert f'ARG HEADRACE=headrace=={release}' in text
    assert '.whl' not in text


def test_which_headrace_is_unclear(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match='neither a wheel nor a folder'):
        own(str(tmp_path))


def test_headrace_of_its_own_sources_is_built_the_same_twice(tmp_path: Path) -> None:
    source = own(str(Path(__file__).parents[3]))
    one, two = (source.wheel(tmp_path / name) for name in ('a', 'b'))
    assert one is not None
    assert two is not None
    assert one.name == f'headrace-{__version__}-py3-none-any.whl'
    assert one.read_bytes() == two.read_bytes()
    assert any(line.startswith('msgspec') for line in source.requires)


def git(folder: Path, *arguments: str) -> str:
    command = ['git', '-C', str(folder), '-c', 'user.name=a', '-c', 'user.email=a@b', *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('SOURCE_DATE_EPOCH', raising=False)
    (tmp_path / 'pyproject.toml').write_text('[project]\nname = "a"\nversion = "1.2"\nlicense = "MIT"\n')
    subject = Subject(folder=tmp_path, name='a', uses='/app')
    files = Context(folder=tmp_path, files=('pyproject.toml',), more={})
    git(tmp_path, 'init', '-q')
    git(tmp_path, 'add', '.')
    git(tmp_path, 'commit', '-q', '-m', 'first', '--date', '2020-01-01T00:00:00Z')
    commit = git(tmp_path, 'rev-parse', 'HEAD')
    found = labels(subject, origin(subject, files), base='python:3.12')
    assert found['org.opencontainers.image.revision'] == commit
    assert found['org.opencontainers.image.version'] == '1.2'
    assert found['org.opencontainers.image.licenses'] == 'MIT'
    assert found['org.opencontainers.image.base.name'] == 'python:3.12'
    assert (found['headrace.kind'], found['headrace.uses'], found['headrace.wire']) == (
        'executor',
        '/app',
        '1',
    )
    (tmp_path / 'new.py').touch()
    assert origin(subject, files).revision == f'{commit}-dirty'
    monkeypatch.setenv('SOURCE_DATE_EPOCH', '86400')
    assert (
        labels(subject, origin(subject, files), base='x')['org.opencontainers.image.created']
        == '1970-01-02T00:00:00Z'
    )
    monkeypatch.setenv('SOURCE_DATE_EPOCH', 'now')
    with pytest.raises(SpecError, match='is no time'):
        origin(subject, files)


def test_no_git_no_revision(tmp_path: Path) -> None:
    (tmp_path / 'a.py').touch()
    subject = Subject(folder=tmp_path, name='a', uses='/app')
    found = origin(subject, Context(folder=tmp_path, files=('a.py',), more={}))
    assert (found.revision, found.version) == ('', '')
    assert found.created == int((tmp_path / 'a.py').stat().st_mtime)


ORDER = Order(
    tags=('a:1', 'b:1'),
    labels={'x': 'y'},
    arguments={'N': '1'},
    secret={'PIP_INDEX_URL': 'https://me:secret@x'},
)


@pytest.mark.parametrize('builder', ['buildkit', 'classic', 'buildah'])
def test_secrets_are_in_no_command(builder: str) -> None:
    program = 'podman' if builder == 'buildah' else 'docker'
    command = build_command(Builder(engine=Engine(program=program), kind=builder), ORDER)
    assert 'secret' not in ' '.join(command)
    assert command[command.index('PIP_INDEX_URL') - 1] == '--build-arg'
    assert command[:4] == [program, 'build', '-f', 'Dockerfile']
    assert ('--format' in command) == (builder == 'buildah')  # else podman drops the health check


def test_several_platforms() -> None:
    order = Order(tags=('a:1',), platforms=('linux/amd64', 'linux/arm64'), push=True, use_cache=False)
    docker = build_command(Builder(engine=Engine(program='docker'), kind='buildkit'), order)
    assert docker[:3] == ['docker', 'buildx', 'build']
    assert docker[-1] == '--push'
    assert 'linux/amd64,linux/arm64' in docker
    assert '--no-cache' in docker
    podman = build_command(Builder(engine=Engine(program='podman'), kind='buildah'), order)
    assert podman[podman.index('--manifest') + 1] == 'a:1'
    assert '--push' not in podman


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.delenv('HEADRACE_ENGINE', raising=False)
    with pytest.raises(StartError, match="there is no command 'docker'; there is no command 'podman'"):
        find_builder()


def test_own_is_plain() -> None:
    assert Own(requirement='headrace==1.0').wheel(Path('nowhere')) is None
