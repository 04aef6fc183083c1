"""A path that a user names in; out, what an image of it holds and runs."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from headrace.errors import LoadError, SpecError
from headrace.executors.config import FOLDER_FILES
from headrace.images.programs import text_of
from headrace.spec.image import APP
from headrace.spec.suggest import did_you_mean

FLOW_FILES = ('flow.yml', 'flow.yaml')

_PYTHON = re.compile(r'(?P<file>.+\.py)(?::(?P<name>[\w.]+))?')
_IS_FLOW = re.compile(r'^(?:executors|deployments|gateway)\s*:|^jtype\s*:\s*[\'"]?Flow\b', re.MULTILINE)
_BASES = ('Executor', 'BaseExecutor')


class _Project(Struct, rename='kebab'):
    """What is read of the table `project`, and has to be as it is meant."""

    name: str = ''
    version: str = ''
    dependencies: list[str] = []
    optional_dependencies: dict[str, list[str]] = {}


class Subject(Struct, frozen=True, kw_only=True):
    """What an image is made of: a folder, and the Flow or the executor in it that is run.

    `flow` is the Flow's YAML by its path in the folder; `uses` is what `uses=` is in the image. One of the
    two is ''.
    """

    folder: Path
    name: str
    flow: str = ''
    uses: str = ''

    @property
    def kind(self) -> Literal['flow', 'executor']:
        """What is in the image."""
        return 'flow' if self.flow else 'executor'

    @property
    def flow_in_image(self) -> str:
        """Where the Flow's YAML lies in the image."""
        return f'{APP}/{self.flow}'


def subject(path: str, *, uses: str = '', root: Path | None = None) -> Subject:
    """What a path means: a folder with a Flow or an executor, a YAML file, `file.py` or `file.py:Class`.

    `uses` says itself what is run (`module:Class`); `root` is the folder that goes into the image, if it is
    not that of the file. Raises SpecError if there is nothing to run, or more than one thing.
    """
    named = _PYTHON.fullmatch(path)
    place = Path(named['file'] if named else path).expanduser().resolve()
    if not place.exists():
        raise SpecError(
            f'there is no {path}', help='name a folder, a flow.yml, a config.yml or file.py:Class'
        )
    if uses:
        folder = place if place.is_dir() else place.parent
        return Subject(folder=(root or folder).resolve(), name=_spelt(re.split('[.:]', uses)[-1]), uses=uses)
    if named:
        return _of_python(place, named['name'] or '', root)
    file = _described_by(place) if place.is_dir() else place
    if file is None:
        return _of_python(_only_python(place), '', root or place)
    if file.suffix == '.py':
        return _of_python(file, '', root)
    return _of_yaml(file, root)


def project(folder: Path) -> dict[str, Any]:
    """The table `project` of a folder's pyproject.toml; empty if there is none."""
    file = folder / 'pyproject.toml'
    if not file.is_file():
        return {}
    found = toml(file).get('project', {})
    try:
        msgspec.convert(found, _Project)
    except msgspec.ValidationError as error:
        raise SpecError(f'{file}: project: {error}', help='correct it') from None
    return dict(found)


def toml(file: Path) -> dict[str, Any]:
    """What a file in TOML says; SpecError if it is none."""
    try:
        return tomllib.loads(text_of(file))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SpecError(f'{file} is no TOML: {error}', help='correct it, or make it anew') from None


def _described_by(folder: Path) -> Path | None:
    """The YAML file that says what is in a folder."""
    flows = [folder / name for name in FLOW_FILES if (folder / name).is_file()]
    executors = [folder / name for name in FOLDER_FILES if (folder / name).is_file()]
    if flows and executors:
        raise SpecError(
            f'{folder} has a Flow ({flows[0].name}) and an executor ({executors[0].name})',
            help='name the one that is meant: headrace build FOLDER/flow.yml',
        )
    return next(iter((*flows, *executors)), None)


def _of_yaml(file: Path, root: Path | None) -> Subject:
    folder = root or file.parent
    inside = _inside(file, folder)
    if file.name in FLOW_FILES or _IS_FLOW.search(text_of(file)):
        return Subject(folder=folder, name=_name(file.parent), flow=inside)
    if file.name in FOLDER_FILES:
        return _executor(folder, str(Path(APP, inside).parent), file.parent.name)
    return _executor(folder, f'{APP}/{inside}', file.stem)


def _of_python(file: Path, name: str, root: Path | None) -> Subject:
    """An executor in a Python file; if that is in a package, the package's folder goes into the image."""
    folder = root or _above_packages(file)
    name = name or _only_class(file)
    inside = f'{APP}/{_inside(file, folder)}:{name}'
    return Subject(folder=folder.resolve(), name=_spelt(name), uses=inside)


def _executor(folder: Path, uses: str, name: str) -> Subject:
    told = project(folder).get('name') or name
    return Subject(folder=folder.resolve(), name=_spelt(str(told)), uses=uses)


def _name(folder: Path) -> str:
    return _spelt(str(project(folder).get('name') or folder.name))


def _spelt(name: str) -> str:
    """A name as images have them.

    >>> _spelt('ShopEncoder'), _spelt('My shop!')
    ('shop-encoder', 'my-shop')
    """
    parted = re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '-', name)
    return re.sub('[^a-z0-9]+', '-', parted.lower()).strip('-') or 'headrace'


def _inside(file: Path, folder: Path) -> str:
    if not file.is_relative_to(folder.resolve()):
        raise SpecError(f'{file} is not in {folder}', help='name a folder that holds it with --context')
    return file.relative_to(folder.resolve()).as_posix()


def _above_packages(file: Path) -> Path:
    folder = file.parent
    while (folder / '__init__.py').is_file() and folder != folder.parent:
        folder = folder.parent
    return folder


def _only_python(folder: Path) -> Path:
    """The one Python file of a folder that has an executor."""
    found = [file for file in sorted(folder.glob('*.py')) if [*_executors_in(file)]]
    if len(found) == 1:
        return found[0]
    if found:
        names = ', '.join(file.name for file in found)
        raise SpecError(f'{folder} has executors in {names}', help='name one of them: file.py:Class')
    raise SpecError(
        f'{folder} has no flow.yml, no config.yml and no Python file with an executor',
        help='name what is to be run: headrace build FOLDER --uses module:Class',
    )


def _only_class(file: Path) -> str:
    found = [*_executors_in(file)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise SpecError(f'{file} has no executor', help=f'name its class, if it has one: {file.name}:Class')
    raise SpecError(
        f'{file} has {len(found)} executors',
        help=f'{did_you_mean("", found, noun="they are")}: write {file.name}:{found[0]}',
    )


def _executors_in(file: Path) -> Iterator[str]:
    """The names of the executors in a file; it is read and not run, for what it needs may not be here."""
    try:
        tree = ast.parse(text_of(file), str(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise LoadError(f'{file} cannot be read as Python: {error}') from None
    known = set(_BASES)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and (known & {*map(_last, node.bases)} or _has_endpoint(node)):
            known.add(node.name)
            yield node.name


def _has_endpoint(node: ast.ClassDef) -> bool:
    functions = (each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(_last(decorator) == 'requests' for each in functions for decorator in each.decorator_list)


def _last(node: ast.expr) -> str:
    """The last name of an expression: `headrace.requests(on='/')` gives requests."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, 'id', '')
