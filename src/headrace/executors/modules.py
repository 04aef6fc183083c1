"""Names of modules and paths of Python files in, imported modules out."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from headrace.errors import HeadraceError, LoadError
from headrace.executors import location
from headrace.spec import environment


def import_named(name: str, search: Sequence[Path] = ()) -> ModuleType:
    """A Python file, a folder that is a package, or the name of a module, imported.

    Relative files are looked for in the folders `search`, then in the current one; modules also in `search`.
    """
    if name.endswith('.py') or '/' in name:
        return import_file(located(name, search))
    return import_module(name, search)


def import_module(name: str, search: Sequence[Path] = ()) -> ModuleType:
    """A module by its name; raises LoadError that tells a missing module from one that is broken."""
    _make_importable(search)
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _explained(name, error) from error


def import_file(path: Path) -> ModuleType:
    """A Python file (or a package's folder) imported under the name that its folders give it.

    Its folder becomes importable too, so that the file finds its neighbours, and so do the processes that it
    starts. If the name belongs to another module already, the file gets a longer one.
    """
    path = path / '__init__.py' if path.is_dir() else path
    if not path.is_file():
        raise LoadError(f'there is no file {path}')
    top, inner = _from_top(path)
    package = top.name == '__init__.py'
    _make_importable([top.parent.parent if package else top.parent])
    name = top.parent.name if package else top.stem
    if not _is_free(name, top):
        name = f'{name}_{zlib.crc32(bytes(top)):08x}'
    loaded = sys.modules.get(name) or _execute(name, top)
    return import_module('.'.join([loaded.__name__, *inner])) if inner else loaded


def located(name: str, search: Sequence[Path]) -> Path:
    """A file or folder by its name in the folders `search`, else in the current one."""
    folders = [*search, Path.cwd()]
    for folder in folders:
        path = folder / Path(name).expanduser()
        if path.exists():
            return path.resolve()
    looked = ', '.join(map(str, dict.fromkeys(folders)))
    raise LoadError(f'there is no file {name}', help=f'looked for in {looked}')


def _from_top(path: Path) -> tuple[Path, list[str]]:
    """The file of the outermost package that a file is in (or itself), and the names on the way in."""
    inner: list[str] = []
    top = path
    while True:
        package = top.parent.parent if top.name == '__init__.py' else top.parent
        if not (package / '__init__.py').is_file() or not package.name.isidentifier():
            return top, inner
        inner.insert(0, top.parent.name if top.name == '__init__.py' else top.stem)
        top = package / '__init__.py'


def _is_free(name: str, path: Path) -> bool:
    loaded = sys.modules.get(name)
    if loaded is None:
        return name.isidentifier() and name not in sys.stdlib_module_names
    file = getattr(loaded, '__file__', None)
    return file is not None and Path(file).resolve() == path


def _execute(name: str, path: Path) -> ModuleType:
    folders = [str(path.parent)] if path.name == '__init__.py' else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folders)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise _explained(str(path), error) from error
    return module


def _make_importable(folders: Sequence[Path]) -> None:
    for folder in map(str, folders):
        if folder not in sys.path:
            sys.path.append(folder)
            importlib.invalidate_caches()


def _explained(name: str, error: BaseException) -> HeadraceError:
    """What to raise for an exception that came while a module of the user was imported."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and (name == missing or name.startswith(f'{missing}.')):
        help = 'it must be installed or in a folder of sys.path; for a file write file.py:Class'
        return LoadError(f'there is no module {missing!r}', help=_in_image(missing) or help)
    if isinstance(error, HeadraceError):
        return error  # it says itself what is wrong, and where
    place = location.of_error(error)
    where = f' ({place})' if place else ''
    return LoadError(f'importing {name} failed: {type(error).__name__}: {error}{where}', help=remedy(error))


def remedy(error: BaseException) -> str:
    """What to do about a module that is not there; '' for another error."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ''
    return _in_image(error.name) or f'pip install {error.name.partition(".")[0]}'


def _in_image(missing: str) -> str:
    """What to do about a missing module in an image, which nobody can install anything into."""
    if not environment.read().base:  # images of `headrace build` say where their code is
        return ''
    top = missing.partition('.')[0]
    return (
        f'add the package of {top!r} to requirements.txt (its file to the folder), and build the image again'
    )
