"""Which files go into an image, and how they are handed to the builder."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.deploy import (
    Composing,
    grafana_files,
    prometheus_files,
    write_compose,
    write_kubernetes,
)
from headrace.deploy import write as write_files
from headrace.errors import SpecError
from headrace.images.context import Context, context
from headrace.images.ignore import DEFAULT, Ignore, ignore_of, secrets_in
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec


def archived(made: Context) -> tuple[bytes, dict[str, tarfile.TarInfo]]:
    out = io.BytesIO()
    made.write(out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        return out.getvalue(), {info.name: info for info in archive}


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize(
    ('patterns', 'left_out', 'kept'),
    [
        (['*.log'], ['a.log'], ['sub/a.log', 'log']),
        (['**/*.log'], ['a.log', 'sub/deep/a.log'], ['a.logs']),
        (['data'], ['data', 'data/x/y'], ['database', 'sub/data']),
        (['/data/'], ['data/x'], ['sub/data']),
        (['a/**/z'], ['a/z', 'a/b/c/z'], ['a/b', 'z']),
        (['a?c'], ['abc'], ['ac', 'a/c']),
        (['[ab].py'], ['a.py'], ['c.py']),
        (['[^a-c].py'], ['d.py'], ['a.py', 'b.py']),
        (['[b-d]'], ['c'], ['a', '-', '/']),
        (['# a', '', 'b'], ['b'], ['# a', 'a']),
        (['*', '!keep.py'], ['a.py', 'sub/b.py'], ['keep.py']),
        (['data', '!data/keep', 'data/keep/not'], ['data/a', 'data/keep/not/b'], ['data/keep/x']),
        ([r'\#a'], ['#a'], ['a']),
    ],
)
def test_patterns(patterns: list[str], left_out: list[str], kept: list[str]) -> None:
    ignore = Ignore(patterns)
    assert [path for path in left_out if not ignore(path)] == []
    assert [path for path in kept if ignore(path)] == []


@given(st.text(alphabet='ab.*?[]!\\/#', max_size=12), st.text(alphabet='ab./', max_size=12))
def test_any_pattern_can_be_asked(pattern: str, path: str) -> None:
    assert Ignore([pattern])(path) in (True, False)


def test_what_is_left_out_if_nobody_says_anything(tmp_path: Path) -> None:
    kept = ('flow.yml', 'shop/a.py', 'shop/model.onnx', 'distance/a.py', 'environment.py')
    out = ('.git/HEAD', 'x/__pycache__/a.pyc', '.venv/a', '.env', 'x/.env.local', 'tls/a.key', 'security/a')
    write(tmp_path, *kept, *out, 'Dockerfile', '.dockerignore', '.headrace/x.whl', '.mypy_cache/a')
    (tmp_path / '.dockerignore').write_text(DEFAULT)
    assert sorted(context(tmp_path, ignore_of(tmp_path), {}).files) == sorted(kept)


def test_what_exports_have_made_is_no_part_of_an_image(tmp_path: Path) -> None:
    spec = FlowSpec(
        executors=(ExecutorSpec(name='a'),), gateway=GatewaySpec(protocols=('http',), ports=(80,))
    )
    write_compose(spec, tmp_path / 'compose', Composing(image='a:1', monitoring=True))
    write_kubernetes(spec, tmp_path / 'deploy' / 'live', {'image': 'a:1'})
    write_files(prometheus_files(spec), tmp_path / 'prometheus')
    write_files(grafana_files(spec), tmp_path / 'grafana')
    write_compose(spec, tmp_path / 'mixed', Composing(image='a:1'))
    kept = ('flow.yml', 'mixed/shop.py', 'theirs/compose.yaml', 'k8s/base/kustomization.yaml', 'deploy/a.txt')
    write(tmp_path, *kept)
    found = context(tmp_path, ignore_of(tmp_path), {}).files
    assert {name for name in found if not name.startswith('mixed/')} == {*kept} - {'mixed/shop.py'}
    assert 'mixed/shop.py' in found
    taken_back = context(tmp_path, Ignore(['!compose']), {}).files
    assert {*taken_back} - {*found} == {
        path.relative_to(tmp_path).as_posix() for path in (tmp_path / 'compose').rglob('*') if path.is_file()
    }


def test_a_dockerignore_that_is_there_counts(tmp_path: Path) -> None:
    write(tmp_path, 'a.py', 'big/x', 'big/keep')
    (tmp_path / '.dockerignore').write_text('big\n!big/keep\n')
    assert context(tmp_path, ignore_of(tmp_path), {}).files == ('a.py', 'big/keep')


def test_secrets_are_seen() -> None:
    assert secrets_in(['a.py', 'keys.py', 'x/.env.prod', 'id_rsa', 'a.pem']) == [
        'x/.env.prod',
        'id_rsa',
        'a.pem',
    ]


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    first = write(tmp_path / 'one', 'b.py', 'a.py', 'sub/c.py')
    second = write(tmp_path / 'two', 'sub/c.py', 'a.py', 'b.py')
    os.utime(second / 'a.py', (1, 1))
    (second / 'b.py').chmod(0o600)
    made = [archived(context(folder, Ignore([]), {'Dockerfile': 'FROM x'}))[0] for folder in (first, second)]
    assert made[0] == made[1]


def test_files_can_be_read_and_run_by_another_user(tmp_path: Path) -> None:
    write(tmp_path, 'a.py', 'run.sh')
    (tmp_path / 'a.py').chmod(0o600)
    (tmp_path / 'run.sh').chmod(0o700)
    _, found = archived(context(tmp_path, Ignore([]), {}))
    assert [oct(found[name].mode) for name in ('a.py', 'run.sh')] == ['0o644', '0o755']
    assert found['a.py'].uid == 0


def test_what_is_added_replaces(tmp_path: Path) -> None:
    write(tmp_path, 'requirements.lock')
    made = context(
        tmp_path, Ignore([]), {'requirements.lock': 'new', '.headrace/a.whl': tmp_path / 'requirements.lock'}
    )
    out = io.BytesIO()
    made.write(out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        assert archive.getnames() == ['.headrace/a.whl', 'requirements.lock']
        file = archive.extractfile('requirements.lock')
        assert file is not None
        assert file.read() == b'new'


def test_links(tmp_path: Path) -> None:
    folder = write(tmp_path / 'in', 'a.py', 'sub/b.py')
    (folder / 'near').symlink_to('sub')
    (folder / 'file').symlink_to('sub/b.py')
    (folder / 'loop').symlink_to('loop')
    _, found = archived(context(folder, Ignore([]), {}))
    assert found['near'].linkname == 'sub'
    assert found['file'].linkname == 'sub/b.py'
    assert found['loop'].linkname == 'loop'


@pytest.mark.parametrize('target', ['out', 'out/id_rsa', 'nowhere', '/dev/zero'])
def test_links_that_lead_out(tmp_path: Path, target: str) -> None:
    """A folder of a stranger may have one to a key of whoever builds."""
    folder = write(tmp_path / 'in', 'a.py', 'sub/b.py')
    write(tmp_path / 'out', 'id_rsa')
    (folder / 'sub' / 'model').symlink_to(tmp_path / target)
    with pytest.raises(SpecError, match='would not be in the image'):
        archived(context(folder, Ignore([]), {}))
