"""Python files and packages imported under the names that their folders give them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from headrace.errors import ExecutorError, LoadError
from headrace.executors.loading import load
from headrace.executors.modules import import_file, import_named, located

pytestmark = pytest.mark.usefixtures('own_modules')


def write(path: Path, text: str = '') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_finds_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path / 'neighbour_a.py', 'value = 3')
    module = import_file(write(tmp_path / 'file_a.py', 'from neighbour_a import value'))
    assert (module.__name__, module.value) == ('file_a', 3)
    assert sys.modules['file_a'] is module


def test_a_file_is_imported_once(tmp_path: Path) -> None:
    file = write(tmp_path / 'file_b.py')
    assert import_file(file) is import_file(file) is import_named('file_b')


def test_two_files_of_a_name(tmp_path: Path) -> None:
    first = import_file(write(tmp_path / 'one' / 'file_c.py', 'value = 1'))
    second = import_file(write(tmp_path / 'two' / 'file_c.py', 'value = 2'))
    assert (first.value, second.value) == (1, 2)
    assert first.__name__ == 'file_c'
    assert second.__name__.startswith('file_c_')
    assert import_file(tmp_path / 'two' / 'file_c.py') is second


@pytest.mark.parametrize('name', ['json', 'tarfile', 'numpy'])
def test_a_file_never_takes_the_place_of_a_library(name: str, tmp_path: Path) -> None:
    import_named('numpy')
    module = import_file(write(tmp_path / f'{name}.py', 'value = 1'))
    assert module.value == 1
    assert module.__name__ != name
    assert not hasattr(import_named(name), 'value')


def test_a_file_whose_name_is_no_word(tmp_path: Path) -> None:
    module = import_file(write(tmp_path / 'my-file.v2.py', 'value = 1'))
    assert module.value == 1


def test_a_file_of_a_package(tmp_path: Path) -> None:
    write(tmp_path / 'pack_a' / '__init__.py', 'value = 1')
    write(tmp_path / 'pack_a' / 'inner' / '__init__.py')
    file = write(
        tmp_path / 'pack_a' / 'inner' / 'file.py', 'from .. import value\nfrom pack_a import value as same'
    )
    module = import_file(file)
    assert (module.__name__, module.value, module.same) == ('pack_a.inner.file', 1, 1)


def test_a_folder(tmp_path: Path) -> None:
    write(tmp_path / 'pack_b' / '__init__.py', 'from .inner import value')
    write(tmp_path / 'pack_b' / 'inner.py', 'value = 1')
    assert import_file(tmp_path / 'pack_b').value == 1
    assert import_named('./pack_b', [tmp_path]).__name__ == 'pack_b'


def test_two_packages_of_a_name(tmp_path: Path) -> None:
    values = []
    for number in (1, 2):
        write(tmp_path / str(number) / 'pack_c' / '__init__.py')
        write(tmp_path / str(number) / 'pack_c' / 'inner.py', f'value = {number}')
        file = write(tmp_path / str(number) / 'pack_c' / 'file.py', 'from .inner import value')
        values.append(import_file(file).value)
    assert values == [1, 2]


def test_a_package_in_a_folder_whose_name_is_no_word(tmp_path: Path) -> None:
    write(tmp_path / 'my-package' / '__init__.py')
    write(tmp_path / 'my-package' / 'neighbour_b.py', 'value = 1')
    module = import_file(write(tmp_path / 'my-package' / 'file_d.py', 'from neighbour_b import value'))
    assert (module.__name__, module.value) == ('file_d', 1)


def test_a_failed_import_leaves_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / 'file_e.py', '1 / 0')
    with pytest.raises(LoadError, match='ZeroDivisionError'):
        import_file(file)
    assert 'file_e' not in sys.modules
    write(file, 'value = 1')
    assert import_file(file).value == 1


def test_where_files_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / 'a' / 'file')
    write(tmp_path / 'b' / 'file')
    write(tmp_path / 'here')
    monkeypatch.chdir(tmp_path)
    folders = [tmp_path / 'a', tmp_path / 'b']
    assert located('file', folders) == tmp_path / 'a' / 'file'
    assert located('here', folders) == tmp_path / 'here'
    assert located(str(tmp_path / 'b' / 'file'), folders) == tmp_path / 'b' / 'file'
    with pytest.raises(LoadError, match='there is no file nowhere') as caught:
        located('nowhere', folders)
    assert caught.value.help == f'looked for in {tmp_path / "a"}, {tmp_path / "b"}, {tmp_path}'


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match='there is no file'):
        import_file(tmp_path / 'nowhere.py')


MISSING = """
from headrace import Executor

class AtOnce(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        import no_such_library.inner
"""
REBUILD = "add the package of 'no_such_library' to requirements.txt"


@pytest.mark.parametrize(('base', 'help'), [('', 'pip install no_such_library'), ('/app', REBUILD)])
@pytest.mark.parametrize('code', ['import no_such_library.inner\n', MISSING])
def test_what_to_do_about_a_missing_package_here_and_in_an_image(
    code: str, base: str, help: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images say where their code is; nobody can install anything into them."""
    monkeypatch.setenv('HEADRACE_BASE', base)
    write(tmp_path / 'lacking.py', code)
    with pytest.raises((LoadError, ExecutorError)) as caught:
        load('lacking.py:AtOnce', search=[tmp_path])
    assert "No module named 'no_such_library'" in caught.value.message
    assert caught.value.help.startswith(help)
    assert ('build the image again' in caught.value.help) == bool(base)


def test_a_module_that_uses_names_and_an_image_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HEADRACE_BASE', '/app')
    with pytest.raises(LoadError, match="there is no module 'no_such_shop'") as caught:
        load('no_such_shop.encoders:A')
    assert '(its file to the folder), and build the image again' in caught.value.help
