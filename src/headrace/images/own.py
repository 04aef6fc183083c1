"""Which headrace goes into an image: the release that runs here, or a wheel of the source tree that does."""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from headrace._version import __version__
from headrace.errors import SpecError
from headrace.images.programs import BUILT_WITHIN_S, GET_UV, NEITHER, uv
from headrace.programs import run

_RELEASE = re.compile(r'\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?')
_WAYS = 'name a release or a wheel: --headrace 1.0, --headrace headrace-1.0-py3-none-any.whl'


class Own(Struct, frozen=True, kw_only=True):
    """What `pip install` is given: a requirement, or a wheel, which `source` is or is built of.

    `requires` is what it needs itself.
    """

    requirement: str = ''
    source: Path | None = None
    requires: tuple[str, ...] = ()

    def wheel(self, folder: Path) -> Path | None:
        """The wheel, if it is one; one that has to be built is put into `folder`."""
        return _built(self.source, folder) if self.source and self.source.is_dir() else self.source


def own(named: str = '') -> Own:
    """The headrace for an image.

    `named` is a release, a wheel, or a folder with the sources of headrace. Raises SpecError if none of the
    ways is open.
    """
    requires = tuple(sorted(_requires()))
    if _RELEASE.fullmatch(named):
        requirement = f'headrace=={named}'
        return Own(requirement=requirement, requires=(*requires, requirement))
    source = Path(named).expanduser() if named else _came_from()
    if source is not None:
        if (source.suffix == '.whl' and source.is_file()) or (source / 'pyproject.toml').is_file():
            return Own(source=source.resolve(), requires=requires)
        raise SpecError(f'{source} is neither a wheel nor a folder with the sources of headrace', help=_WAYS)
    if _RELEASE.fullmatch(__version__):
        return Own(requirement=f'headrace=={__version__}', requires=requires)
    raise SpecError(
        f'headrace {__version__} is no release, and where it was installed from is not known', help=_WAYS
    )


def _built(source: Path, folder: Path) -> Path:
    """A wheel of a source tree; the same sources give the same bytes."""
    program = uv()
    if program:
        offline = ['--no-build-isolation', '--python', sys.executable] if find_spec('hatchling') else []
        command = [program, 'build', '-q', '--wheel', *offline, '-o', str(folder)]
    elif find_spec('pip'):
        offline = ['--no-build-isolation'] if find_spec('hatchling') else []
        command = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', *offline, '-w', str(folder)]
    else:
        raise SpecError(f'{NEITHER} to build a wheel of headrace', help=GET_UV)
    run([*command, str(source)], _failed(source), timeout_s=BUILT_WITHIN_S)
    return next(iter(sorted(folder.glob('headrace-*.whl'))))


def _failed(source: Path) -> str:
    return f'no wheel of headrace could be built of {source}'


def _came_from() -> Path | None:
    """The file or folder that headrace was installed from; None if it came from an index."""
    found = _distribution()
    text = found.read_text('direct_url.json') if found else None
    if text is None:
        return _checkout() if found is None else None
    place = urlsplit(json.loads(text).get('url', ''))
    if place.scheme != 'file':
        return None
    path = Path(unquote(place.path))
    return path if path.exists() else _checkout()


def _checkout() -> Path | None:
    """The source tree around this file, if it is in one."""
    top = Path(__file__).resolve().parents[3]
    return top if (top / 'pyproject.toml').is_file() and (top / 'src' / 'headrace').is_dir() else None


def _distribution() -> Distribution | None:
    try:
        return distribution('headrace')
    except PackageNotFoundError:
        return None


def _requires() -> list[str]:
    found = _distribution()
    return list((found and found.requires) or ())
