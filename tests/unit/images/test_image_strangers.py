"""Folders of strangers: what is wrong in them is told as an error, and nothing of it is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import HeadraceError
from headrace.images import making
from headrace.images.imports import Code
from headrace.images.locking import Lock
from headrace.images.making import Wanted, default_tag, pin, sketch

CODE = """
from headrace import Executor, requests

class A(Executor):
    @requests
    def go(self, docs, **kwargs): ...
"""

WRONG: dict[str, tuple[str, bytes]] = {
    'TOML of endless depth': ('pyproject.toml', b'x = ' + b'[' * 5000 + b']' * 5000),
    'a project that is a list': ('pyproject.toml', b'project = [1]'),
    'a name that is a number': ('pyproject.toml', b'[project]\nname = 5'),
    'requirements that are a number': ('pyproject.toml', b'[project]\ndependencies = 5'),
    'requirements that are no texts': ('pyproject.toml', b'[project]\ndependencies = [1, "a"]'),
    'extras that are no table': ('pyproject.toml', b'[project]\noptional-dependencies = 5'),
    'a Flow that is no text': ('flow.yml', b'\xff\xfe'),
    'a Dockerfile that is no text': ('Dockerfile', b'\xff'),
    'packages that are no text': ('apt.txt', b'\xff'),
    'packages with a command': ('apt.txt', b'git; touch /x'),
    'packages with an option': ('apt.txt', b'-o=APT::Update::Pre-Invoke::=id'),
    'code of endless depth': ('b.py', b'x = ' + b'-' * 200_000 + b'1'),
    'code with a zero': ('b.py', b'x = 1\0'),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'a.py').write_text(CODE)
    return tmp_path / 'in'


@pytest.mark.parametrize('what', WRONG)
def test_what_is_wrong_is_told(folder: Path, what: str) -> None:
    name, content = WRONG[what]
    (folder / name).write_bytes(content)
    with pytest.raises(HeadraceError) as failed:
        sketch(Wanted(path=str(folder)))
    assert name in failed.value.message


@pytest.mark.parametrize(
    'lock', ['package = 5', 'package = ["x"]', '[[package]]\nname = 5\nversion = [1]', '[[package]]']
)
def test_a_lock_of_another_kind_pins_nothing(folder: Path, lock: str) -> None:
    (folder / 'uv.lock').write_text(lock)
    made = sketch(Wanted(path=str(folder)))
    assert made.needed.pins == ()
    assert default_tag(made) == 'a:latest'


def test_a_lock_names_versions_and_nothing_else(folder: Path) -> None:
    """A further line would be an option of whoever reads the list."""
    (folder / 'uv.lock').write_text(
        '[[package]]\nname = "a"\nversion = "1\\n-r /etc/passwd"\n'
        '[[package]]\nname = "b\\n-r /etc/passwd"\nversion = "1"\n'
        '[[package]]\nname = "c"\nversion = "1!2.0rc1+cpu"\n'
    )
    assert sketch(Wanted(path=str(folder))).needed.pins == ('c==1!2.0rc1+cpu',)


def test_requirements_that_have_no_end(folder: Path) -> None:
    (folder / 'requirements.txt').write_text('-r /dev/zero')
    with pytest.raises(HeadraceError, match='it is no file'):
        _ = sketch(Wanted(path=str(folder))).needed.said


@pytest.mark.parametrize(
    ('name', 'written'),
    [
        ('my file.py', '"/app/my file.py:A"'),
        ('$HOME.py', r'"/app/\$HOME.py:A"'),
        ('a"b.py', r'"/app/a\"b.py:A"'),
        ('a\\b.py', r'"/app/a\\b.py:A"'),
    ],
)
def test_names_of_files_stay_names(tmp_path: Path, name: str, written: str) -> None:
    (tmp_path / name).write_text(CODE)
    lines = sketch(Wanted(path=str(tmp_path))).text.splitlines()
    assert f'HEADRACE_USES={written}' in map(str.strip, lines)


def test_a_name_of_a_file_is_no_instruction(tmp_path: Path) -> None:
    (tmp_path / 'a\nRUN touch x.py').write_text(CODE)
    with pytest.raises(HeadraceError, match='cannot be what an image runs'):
        sketch(Wanted(path=str(tmp_path)))


@pytest.mark.parametrize(
    'flow',
    [
        "executors: [{name: a, uses: 'a:A', env: {X: '${{ ENV.A; touch x }}'}}]",
        "executors: [{name: a, uses: 'a:A', env_from_secret: {'A; touch x': {name: b, key: c}}}]",
    ],
)
def test_what_is_no_name_of_a_variable_is_in_no_command(folder: Path, flow: str) -> None:
    (folder / 'flow.yml').write_text(flow)
    assert sketch(Wanted(path=str(folder))).told.variables == ()


def test_code_that_cannot_be_read_is_passed_over(folder: Path) -> None:
    (folder / 'a.py').write_text(CODE + 'import deep\n')
    (folder / 'deep.py').write_text('x = ' + '-' * 200_000 + '1')
    (folder / 'endless.py').symlink_to('/dev/zero')
    code = Code(folder, ['a.py', 'deep.py', 'endless.py'])
    assert [each.name for each in code.imports(['a.py', 'endless.py'])] == [
        'headrace.Executor',
        'headrace.requests',
    ]


def test_a_lock_is_not_written_where_a_link_leads(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Lock(file='requirements.lock', text='a==1', is_new=True)
    monkeypatch.setattr(making, 'lock', lambda *_: chosen)  # to choose versions takes an index
    (folder / 'requirements.lock').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(HeadraceError, match='where a link leads'):
        pin(sketch(Wanted(path=str(folder))))
    assert not (tmp_path / 'elsewhere').exists()
