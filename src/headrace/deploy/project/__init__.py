"""The name of a project in; out, the files of one that is right from its first day, by name."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from headrace._version import __version__
from headrace.errors import SpecError

_NAME = re.compile('[A-Za-z][A-Za-z0-9 ._-]*')
"""A name that stands for itself in YAML, in Python, in Markdown."""

_TAKEN = {'headrace', 'numpy', 'pytest', 'ruff', 'tests'}
"""What the project's own code and its tools import."""

_TEMPLATE = 'template'
_SUFFIX = '.tmpl'
"""Ends the names of what tools would take for modules and settings of ours."""
_MOVED = {'gitignore': '.gitignore', 'github': '.github'}
"""Names in the template that would act upon this package if they were those of the project."""


def project_files(name: str) -> dict[str, str]:
    """An executor, its Flow, tests of both, and a pipeline that checks, builds and ships them.

    >>> sorted(project_files('My shop'))[:3]
    ['.github/workflows/ci.yml', '.gitignore', 'README.md']
    >>> 'my_shop/encoder.py' in project_files('My shop')
    True

    Raises SpecError for a name of which no package can be called.
    """
    package = re.sub(r'\W+', '_', name.lower(), flags=re.ASCII).strip('_')
    if not _NAME.fullmatch(name) or not package.isidentifier() or keyword.iskeyword(package):
        raise SpecError(
            f'a project cannot be called {name!r}: its package would be {package!r}',
            help='begin with a letter, go on with letters, digits, - and _: my-shop',
        )
    if package in sys.stdlib_module_names or package in _TAKEN:
        raise SpecError(
            f'a project cannot be called {name!r}: its package {package!r} would be found '
            'in place of the one that has this name already',
            help=f'give it a name of its own: my-{package.replace("_", "-")}',
        )
    words = {
        '__NAME__': name,
        '__PACKAGE__': package,
        '__DISTRIBUTION__': package.replace('_', '-'),
        '__VERSION__': __version__,
        '__PYTHON__': '.'.join(map(str, sys.version_info[:2])),
    }
    made = {}
    for path, text in _texts(files(__package__).joinpath(_TEMPLATE)):
        first, *rest = path
        first = package if first == 'package' else _MOVED.get(first, first)
        for word, value in words.items():
            text = text.replace(word, value)
        made['/'.join((first, *rest)).removesuffix(_SUFFIX)] = text
    return made


def is_development(version: str = __version__) -> bool:
    """Whether package indexes do not have a version, as it is between two releases.

    >>> is_development('1.2.dev0'), is_development('1.2+g1234'), is_development('1.2rc1')
    (True, True, False)
    """
    return '.dev' in version or '+' in version


def _texts(folder: Traversable) -> Iterator[tuple[tuple[str, ...], str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith('.') or entry.name == '__pycache__':
            continue  # what tools leave behind
        if entry.is_file():
            yield (entry.name,), entry.read_text(encoding='utf-8')
        else:
            for path, text in _texts(entry):
                yield (entry.name, *path), text
