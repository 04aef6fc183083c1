"""What git says of a folder that may be a stranger's: nothing that its repository names is run for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from headrace.images.commit import commit


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / 'shop'
    folder.mkdir()
    git(folder, 'init', '-q')
    (folder / 'a.py').write_text('a = 1\n')
    git(folder, 'add', '.')
    git(folder, '-c', 'user.name=a', '-c', 'user.email=a@b.c', 'commit', '-q', '-m', 'one')
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.check_output(['git', '-C', str(folder), *arguments], text=True).strip()


def test_the_commit_and_its_time(repository: Path) -> None:
    head, seconds = git(repository, 'rev-parse', 'HEAD'), git(repository, 'log', '-1', '--format=%ct')
    assert commit(str(repository)) == (head, int(seconds))
    (repository / 'b.py').write_text('')
    assert commit(str(repository)) == (f'{head}-dirty', 0)


def test_no_repository(tmp_path: Path) -> None:
    (tmp_path / '.git').mkdir()
    assert commit(str(tmp_path)) == ('', 0)


def test_nothing_that_a_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / 'was-run'
    evil = tmp_path / 'evil'
    evil.write_text(f'#!/bin/sh\necho "$0 $@" >> {mark}\ncat\n')
    evil.chmod(0o755)
    for key in (
        *('core.fsmonitor', 'gpg.program', 'core.pager', 'core.sshCommand', 'diff.external'),
        *('filter.x.clean', 'filter.x=y.clean', 'filter.x.process', 'filter.x.smudge'),
    ):
        git(repository, 'config', key, str(evil))
    git(repository, 'config', 'log.showSignature', 'true')
    git(repository, 'config', 'filter.x.required', 'true')
    hooks = tmp_path / 'hooks'
    hooks.mkdir()
    for name in ('post-index-change', 'fsmonitor-watchman'):
        (hooks / name).symlink_to(evil)
    git(repository, 'config', 'core.hooksPath', str(hooks))
    (repository / '.git/info/attributes').write_text('a.py filter=x\nb.py filter=x=y\n')
    for name in ('a.py', 'b.py'):
        (repository / name).write_text('a = 1\n')  # another time than the index has: it is compared
    mark.unlink(missing_ok=True)
    assert commit(str(repository))[0].endswith('-dirty')
    assert not mark.exists(), mark.read_text()


def test_missing_objects_are_not_asked_for(repository: Path, tmp_path: Path) -> None:
    """A repository may say that a program brings what it lacks."""
    mark = tmp_path / 'was-run'
    git(repository, 'config', 'remote.origin.url', f'ext::sh -c touch% {mark}')
    git(repository, 'config', 'remote.origin.promisor', 'true')
    git(repository, 'config', 'extensions.partialClone', 'origin')
    git(repository, 'config', 'core.repositoryFormatVersion', '1')
    git(repository, 'config', 'protocol.ext.allow', 'always')
    tree = git(repository, 'rev-parse', 'HEAD^{tree}')
    (repository / '.git/objects' / tree[:2] / tree[2:]).unlink()
    commit(str(repository))
    assert not mark.exists()
