"""What a folder and headrace need in; out, the exact versions of all of it, as a file that stays."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from headrace.errors import SpecError, StartError
from headrace.images.index import Index
from headrace.images.own import Own
from headrace.images.programs import CHOSEN_WITHIN_S, GET_UV, NEITHER, text_of, uv
from headrace.images.requirements import Requirements, names_in, not_in_a_build, spelt
from headrace.programs import run

_MARK = re.compile(r'^# of (?P<digest>[0-9a-f]{32}), for Python (?P<python>\S+)', re.MULTILINE)
_PASSWORD = re.compile(r'://[^/@\s]*@')
_HELP = 'see which requirement is meant; versions that no longer fit are chosen anew with --upgrade'


class Lock(Struct, frozen=True, kw_only=True):
    """The exact versions: `file` has them in the folder, `is_new` says that they were chosen just now."""

    file: str
    text: str
    is_new: bool = False

    @property
    def count(self) -> int:
        """How many packages it has."""
        return len(names_in(self.text))


class Choosing(Struct, frozen=True, kw_only=True):
    """How versions are chosen: for which Python, from where, and whether those chosen before may change."""

    python: str
    index: Index
    upgrade: bool = False
    is_fixed: bool = False


def lock(needed: Requirements, own: Own, how: Choosing) -> Lock:
    """The lock file of a folder, made or made anew if the requirements have changed since.

    A lock file that somebody else wrote is taken as it is. With `how.is_fixed` nothing is made: SpecError if
    the file is missing or stale. StartError if no versions fit.
    """
    path = needed.folder / needed.lock
    digest = needed.digest(own.requires, how.python)
    before = text_of(path) if path.is_file() else ''
    mark = _MARK.search(before)
    if before and not mark:
        _check_complete(path, before, own)
        return Lock(file=needed.lock, text=before)
    if mark and mark['digest'] == digest and not how.upgrade:
        return Lock(file=needed.lock, text=before)
    if how.is_fixed:
        why = f'older than what is required: {_stale(before, mark, needed, own, how)}' if mark else 'missing'
        raise SpecError(f'{path} is {why}', help='make it without --locked, and commit it with your code')
    pinned = '' if how.upgrade else before
    _check_installable(needed, needed.said)
    made = _by_uv(needed, own, how, pinned) if uv() else _by_pip(needed, own, how, pinned)
    _check_installable(
        needed, made.splitlines()
    )  # a pyproject.toml may say elsewhere where packages come from
    text = _header(needed, digest, how.python) + made
    return Lock(file=needed.lock, text=text, is_new=True)


def _header(needed: Requirements, digest: str, python: str) -> str:
    source = needed.file or 'headrace itself, which needs these'
    return (
        f'# Written by `headrace build` from {source}. Commit it; --upgrade chooses new versions.\n'
        f'# of {digest}, for Python {python}\n'
    )


def _stale(text: str, mark: re.Match[str], needed: Requirements, own: Own, how: Choosing) -> str:
    """What is missing in a lock, or what else has changed since it was made."""
    if missing := _missing((*needed.said, *own.requires), text):
        return f'it lacks {", ".join(missing)}'
    if mark['python'] != how.python:
        return f'it is for Python {mark["python"]}, and the image has {how.python}'
    versions = f'{needed.folder / needed.file} or another lock wants' if needed.file else 'headrace wants'
    return f'it has all packages, and {versions} other versions or extras than then'


def _missing(lines: Iterable[str], text: str) -> list[str]:
    """The packages that lines of requirements name, on whichever machine, and a lock has not."""
    named = names_in('\n'.join(line for line in lines if ';' not in line))
    return sorted(named - names_in(text) - {'headrace'})


def _check_complete(path: Path, text: str, own: Own) -> None:
    """A lock that somebody else wrote has to have what headrace needs, too."""
    if missing := _missing(own.requires, text):
        raise SpecError(
            f'{path} lacks {", ".join(missing)}, which headrace needs',
            help='let headrace be one of your requirements and make the file anew, or remove the file: '
            '`headrace build` makes one',
        )


def _check_installable(needed: Requirements, lines: Iterable[str]) -> None:
    """Refuse before there is a build what would fail in it."""
    if found := not_in_a_build(lines):
        shown = _PASSWORD.sub('://', found[0].partition(' \\')[0])
        raise SpecError(
            f'{needed.folder / needed.file} wants {shown!r}: a build gets packages from indexes and by '
            'https only, not from repositories or folders',
            help='make a wheel of it (pip wheel --no-deps -w wheels ...), name the package alone, and give '
            '--wheels wheels; the folder itself need not be named: its code goes in anyway',
        )


def _by_uv(needed: Requirements, own: Own, how: Choosing, before: str) -> str:
    """All platforms, all wheels: the lock has their hashes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / 'out.lock'
        out.write_text(before, encoding='utf-8')
        (folder / 'pins.txt').write_text('\n'.join(needed.pins), encoding='utf-8')
        command = [uv(), 'pip', 'compile', '-q', '--no-header', '--no-annotate', '--universal']
        command += ['--generate-hashes', '--no-emit-package', 'headrace', '--python-version', how.python]
        command += ['-c', str(folder / 'pins.txt'), '-o', str(out)]
        command += [part for extra in needed.extras for part in ('--extra', extra)]
        command += [*(['--no-index'] if how.index.is_offline else []), *_sources(needed, own, folder)]
        run(
            command,
            _no_versions(needed),
            extra=how.index.for_uv,
            help=_HELP,
            timeout_s=CHOSEN_WITHIN_S,
        )
        text = out.read_text(encoding='utf-8')
    return re.sub(r'\n# The following packages were excluded.*\Z', '\n', text, flags=re.DOTALL)


def _by_pip(needed: Requirements, own: Own, how: Choosing, before: str) -> str:
    """Exact versions for this platform: pip tells the hash of one file, and the image may need another."""
    here = '.'.join(map(str, sys.version_info[:2]))
    if not find_spec('pip'):
        raise StartError(f'{NEITHER} to choose versions', help=GET_UV)
    if how.python != here:
        raise StartError(
            f'versions for Python {how.python} cannot be chosen by the pip of Python {here}',
            help=GET_UV,
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pins = folder / 'pins.txt'
        pins.write_text('\n'.join((*needed.pins, before)), encoding='utf-8')
        command = [sys.executable, '-m', 'pip', 'install', '-q', '--dry-run', '--ignore-installed']
        command += ['--report', '-', '-c', str(pins)]
        links = how.index.for_pip.get('PIP_FIND_LINKS', '')
        wheel = own.wheel(folder)
        extra = {**how.index.for_pip, 'PIP_FIND_LINKS': f'{links} {wheel.parent if wheel else ""}'.strip()}
        command += ['-r', str(_for_pip(needed, own, wheel, folder))]
        report = run(command, _no_versions(needed), extra=extra, help=_HELP, timeout_s=CHOSEN_WITHIN_S)
    return _from_report(report)


def _from_report(report: str) -> str:
    lines = []
    for each in json.loads(report)['install']:
        name, version = spelt(each['metadata']['name']), each['metadata']['version']
        if name != 'headrace':
            url = each['download_info']['url'] if each.get('is_direct') else ''
            lines.append(f'{name} @ {url}' if url else f'{name}=={version}')
    return ''.join(f'{line}\n' for line in sorted(lines))


def _no_versions(needed: Requirements) -> str:
    return f'no versions fit together for {needed.folder / needed.file if needed.file else "headrace"}'


def _sources(needed: Requirements, own: Own, folder: Path) -> Sequence[str]:
    """The files that say what is required, headrace among it."""
    ours = folder / 'headrace.in'
    wheel = own.wheel(folder)
    ours.write_text(f'headrace @ {wheel.resolve().as_uri()}' if wheel else own.requirement, encoding='utf-8')
    return [*([str(needed.folder / needed.file)] if needed.file else []), str(ours)]


def _for_pip(needed: Requirements, own: Own, wheel: Path | None, folder: Path) -> Path:
    """The same for pip, which takes no pyproject.toml for a list, and one address of a package only."""
    listed = folder / 'all.in'
    ours = f'headrace=={wheel.name.split("-")[1]}' if wheel else own.requirement
    is_list = needed.file and not needed.file.endswith('.toml')
    theirs = [f'-r {needed.folder / needed.file}'] if is_list else needed.said
    listed.write_text('\n'.join((*theirs, ours)), encoding='utf-8')
    return listed
