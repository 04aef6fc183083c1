"""What a folder requires, and the versions that are chosen for it: by uv, and by pip."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_wheels import write_wheel

from headrace.errors import SpecError, StartError
from headrace.images import locking
from headrace.images.index import Index
from headrace.images.locking import Choosing, lock
from headrace.images.own import Own
from headrace.images.requirements import names_in, requirements, system_packages

PYTHON = '.'.join(map(str, sys.version_info[:2]))


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / 'wheels'
    write_wheel(folder, 'apple', '1.0')
    write_wheel(folder, 'apple', '1.1')
    write_wheel(folder, 'pear', '2.0', requires=['seed>=1'])
    write_wheel(folder, 'seed', '1.5')
    write_wheel(folder, 'base', '3.0')
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Own:
    wheel = write_wheel(tmp_path / 'own', 'headrace', '9.9', requires=['base', "pear; extra == 'fruit'"])
    return Own(source=wheel, requires=('base',))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'code').mkdir()
    return tmp_path / 'code'


@pytest.fixture(params=['uv', 'pip'])
def chooser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to choose versions."""
    if request.param == 'pip':
        monkeypatch.setattr(locking, 'uv', lambda: '')
    return str(request.param)


def choosing(wheels: Path, *, upgrade: bool = False, is_fixed: bool = False) -> Choosing:
    index = Index(wheels=wheels, is_offline=True)
    return Choosing(python=PYTHON, index=index, upgrade=upgrade, is_fixed=is_fixed)


def pinned(text: str) -> list[str]:
    lines = (line.partition(' \\')[0].partition(' ;')[0] for line in text.splitlines())
    return sorted(line for line in lines if '==' in line)


@pytest.mark.usefixtures('chooser')
def test_exact_versions_of_all_but_headrace(folder: Path, wheels: Path, own: Own) -> None:
    (folder / 'requirements.txt').write_text('apple  # red\nheadrace[fruit]\n')
    found = lock(requirements(folder), own, choosing(wheels))
    assert pinned(found.text) == ['apple==1.1', 'base==3.0', 'pear==2.0', 'seed==1.5']
    assert (found.file, found.is_new, found.count) == ('requirements.lock', True, 4)
    assert str(wheels.parent) not in found.text


@pytest.mark.usefixtures('chooser')
def test_a_lock_stays_until_requirements_change(folder: Path, wheels: Path, own: Own) -> None:
    (folder / 'requirements.txt').write_text('apple<1.1\n')
    first = lock(requirements(folder), own, choosing(wheels))
    (folder / first.file).write_text(first.text)
    again = lock(requirements(folder), own, choosing(wheels, is_fixed=True))
    assert (again.text, again.is_new) == (first.text, False)
    (folder / 'requirements.txt').write_text('# other words\napple<1.1\n')
    assert not lock(requirements(folder), own, choosing(wheels, is_fixed=True)).is_new
    (folder / 'requirements.txt').write_text('apple\npear\n')
    with pytest.raises(SpecError, match='older than what is required'):
        lock(requirements(folder), own, choosing(wheels, is_fixed=True))
    changed = lock(requirements(folder), own, choosing(wheels))
    assert pinned(changed.text) == ['apple==1.0', 'base==3.0', 'pear==2.0', 'seed==1.5']
    upgraded = lock(requirements(folder), own, choosing(wheels, upgrade=True))
    assert 'apple==1.1' in pinned(upgraded.text)


def test_a_stale_lock_names_what_it_lacks(folder: Path, wheels: Path, own: Own) -> None:
    (folder / 'requirements.txt').write_text('apple<1.1\n')
    made = lock(requirements(folder), own, choosing(wheels))
    (folder / made.file).write_text(made.text)

    def refused(own: Own = own, python: str = PYTHON) -> str:
        how = Choosing(python=python, index=Index(wheels=wheels, is_offline=True), is_fixed=True)
        with pytest.raises(SpecError, match='older than what is required') as told:
            lock(requirements(folder), own, how)
        return told.value.message

    assert refused(python='3.99').endswith(f'it is for Python {PYTHON}, and the image has 3.99')
    more = Own(source=own.source, requires=('base', 'Fresh_One>=1', "only; sys_platform == 'win32'"))
    assert refused(more).endswith(': it lacks fresh-one')
    (folder / 'requirements.txt').write_text('apple>=1.1\n')
    assert 'it has all packages, and' in refused()
    assert 'requirements.txt or another lock wants other versions' in refused()
    (folder / 'requirements.txt').write_text('apple\n-i https://me:secret@x\nseed>=1\npear[x] @ file:///p\n')
    assert refused().endswith('it lacks pear, seed')


@pytest.mark.usefixtures('chooser')
def test_a_project_with_extras(folder: Path, wheels: Path, own: Own) -> None:
    (folder / 'pyproject.toml').write_text(
        '[project]\nname = "x"\nversion = "1"\ndependencies = ["apple"]\n'
        '[project.optional-dependencies]\nmore = ["seed"]\n'
    )
    assert pinned(lock(requirements(folder), own, choosing(wheels)).text) == ['apple==1.1', 'base==3.0']
    found = lock(requirements(folder, extras=('more',)), own, choosing(wheels))
    assert pinned(found.text) == ['apple==1.1', 'base==3.0', 'seed==1.5']


@pytest.mark.usefixtures('chooser')
def test_what_another_lock_pins_stays(folder: Path, wheels: Path, own: Own) -> None:
    (folder / 'requirements.txt').write_text('apple\n')
    (folder / 'uv.lock').write_text(
        '[[package]]\nname = "Apple"\nversion = "1.0"\n'
        '[[package]]\nname = "itself"\nversion = "1"\nsource = {editable = "."}\n'
        '[[package]]\nname = "base"\nversion = "1"\n[[package]]\nname = "base"\nversion = "2"\n'
    )
    needed = requirements(folder)
    assert needed.pins == ('apple==1.0',)
    assert pinned(lock(needed, own, choosing(wheels)).text) == ['apple==1.0', 'base==3.0']


@pytest.mark.usefixtures('chooser')
def test_nothing_fits(folder: Path, wheels: Path, own: Own) -> None:
    (folder / 'requirements.txt').write_text('apple>7\n')
    with pytest.raises(StartError, match='no versions fit together') as told:
        lock(requirements(folder), own, choosing(wheels))
    assert 'apple' in told.value.message


@pytest.mark.usefixtures('chooser')
@pytest.mark.parametrize(
    'line',
    [
        'git+https://me:word@x/lib.git@v1',
        'lib @ git+ssh://x/lib',
        'lib[a,b]@git+file:///lib',
        './lib',
        '../lib',
        '.[dev]',
        'libs/one',
        '/srv/lib',
        '-e .',
        '--editable=../lib',
        'file:///srv/lib.whl',
        'wheels/lib-1-py3-none-any.whl',
        'lib-1.tar.gz',
    ],
)
def test_what_no_build_could_install_is_refused(folder: Path, wheels: Path, own: Own, line: str) -> None:
    (folder / 'requirements.txt').write_text('-r more.txt\n')
    (folder / 'more.txt').write_text(f'apple\n{line}\n')
    with pytest.raises(SpecError, match='not from repositories or folders') as told:
        lock(requirements(folder), own, choosing(wheels))
    assert repr(line.replace('me:word@', '')) in told.value.message
    assert '--wheels' in told.value.help


@pytest.mark.usefixtures('chooser')
def test_what_an_index_has_is_not_refused(folder: Path, wheels: Path, own: Own) -> None:
    (folder / 'requirements.txt').write_text(
        '# ./lib\n--prefer-binary\napple[x,y]==1.0 ; python_version > "3"  # git+https://x\nseed ~= 1.0\n'
    )
    assert 'apple==1.0' in pinned(lock(requirements(folder), own, choosing(wheels)).text)


def test_a_project_that_takes_a_package_from_a_folder_is_refused(
    folder: Path, wheels: Path, own: Own
) -> None:
    """uv follows what a pyproject.toml says of it."""
    wheel = next(wheels.glob('apple-1.0*')).as_posix()
    (folder / 'pyproject.toml').write_text(
        '[project]\nname = "x"\nversion = "1"\ndependencies = ["apple"]\n'
        f'[tool.uv.sources]\napple = {{path = "{wheel}"}}\n'
    )
    with pytest.raises(SpecError, match='not from repositories or folders'):
        lock(requirements(folder), own, choosing(wheels))


def test_nothing_required_but_headrace(folder: Path, wheels: Path, own: Own) -> None:
    assert pinned(lock(requirements(folder), own, choosing(wheels)).text) == ['base==3.0']


def test_uv_adds_hashes(folder: Path, wheels: Path, own: Own) -> None:
    assert '--hash=sha256:' in lock(requirements(folder), own, choosing(wheels)).text


def test_a_lock_of_somebody_else_is_taken_as_it_is(folder: Path, wheels: Path, own: Own) -> None:
    text = 'Apple==1.0\nbase==3.0\n'
    (folder / 'requirements.lock').write_text(text)
    assert lock(requirements(folder), own, choosing(wheels, is_fixed=True)).text == text
    (folder / 'requirements.lock').write_text('apple==1.0\n')
    with pytest.raises(SpecError, match='lacks base, which headrace needs'):
        lock(requirements(folder), own, choosing(wheels))


def test_missing_and_fixed(folder: Path, wheels: Path, own: Own) -> None:
    with pytest.raises(SpecError, match='is missing'):
        lock(requirements(folder), own, choosing(wheels, is_fixed=True))


def test_another_file_has_another_lock(folder: Path) -> None:
    (folder / 'loader.txt').write_text('apple\n')
    assert requirements(folder, file='loader.txt').lock == 'loader.lock'
    with pytest.raises(SpecError, match='there is no'):
        requirements(folder, file='gone.txt')


def test_a_change_in_an_included_file_counts(folder: Path) -> None:
    (folder / 'requirements.txt').write_text('-r more.txt\n')
    (folder / 'more.txt').write_text('apple\n-r requirements.txt\n')
    before = requirements(folder).digest((), PYTHON)
    (folder / 'more.txt').write_text('pear\n')
    assert requirements(folder).digest((), PYTHON) != before
    assert requirements(folder).digest(('base',), PYTHON) != requirements(folder).digest((), PYTHON)
    assert requirements(folder).digest((), '3.12') != requirements(folder).digest((), '3.13')


def test_pip_chooses_for_its_own_python_only(
    folder: Path, wheels: Path, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, 'uv', lambda: '')
    how = Choosing(python='3.99', index=Index(wheels=wheels, is_offline=True))
    with pytest.raises(StartError, match=r'versions for Python 3\.99 cannot be chosen'):
        lock(requirements(folder), own, how)


def test_without_uv_and_pip_it_says_where_it_looked(
    folder: Path, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, 'uv', lambda: '')
    monkeypatch.setattr(locking, 'find_spec', lambda name: None)
    how = Choosing(python=PYTHON, index=Index())
    with pytest.raises(StartError, match=r'neither uv \(beside .*, or on the PATH\) nor pip') as refused:
        lock(requirements(folder), own, how)
    assert sys.executable in refused.value.message
    assert 'uv pip install uv' in (refused.value.help or '')


def test_system_packages(folder: Path) -> None:
    (folder / 'apt.txt').write_text('libgl1 # for pictures\n\nffmpeg=7:5.1\n')
    assert system_packages(folder, 'apt.txt') == ('libgl1', 'ffmpeg=7:5.1')
    (folder / 'apt.txt').write_text('libgl1; rm -rf /\n')
    with pytest.raises(SpecError, match='is no name of a package'):
        system_packages(folder, 'apt.txt')


def test_an_index_is_told_by_the_environment_and_never_shown(tmp_path: Path) -> None:
    index = Index(urls=('https://me:secret@one', 'https://two', 'https://three'), wheels=tmp_path)
    assert index.for_build == {
        'PIP_INDEX_URL': 'https://me:secret@one',
        'PIP_EXTRA_INDEX_URL': 'https://two https://three',
    }
    assert index.for_uv['UV_DEFAULT_INDEX'] == 'https://me:secret@one'
    assert 'secret' not in repr(index)


def test_names() -> None:
    assert names_in('# a\nB_c==1 \\\n    --hash=sha256:ab\n\nd @ https://x/d.whl\n') == {'b-c', 'd'}
