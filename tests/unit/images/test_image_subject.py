"""What a path means to `headrace build`."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import LoadError, SpecError
from headrace.images.subject import Subject, subject

CODE = """
import headrace
from headrace import Executor, requests

class Plain: ...

class Upper(Executor):
    @requests(on='/upper')
    def upper(self, docs, **kwargs): ...
"""
FLOW = 'executors:\n  - {name: a, uses: upper.py:Upper}\n'


def put(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = folder / name.replace('__', '/').replace('_yml', '.yml').replace('_py', '.py')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_folder_with_a_flow(tmp_path: Path) -> None:
    folder = put(tmp_path / 'My shop', flow_yml=FLOW, upper_py=CODE)
    found = subject(str(folder))
    assert found == Subject(folder=folder, name='my-shop', flow='flow.yml')
    assert found.kind == 'flow'
    assert found.flow_in_image == '/app/flow.yml'


def test_a_flow_of_any_name(tmp_path: Path) -> None:
    put(tmp_path, ship_yml='# ours\n' + FLOW)
    assert subject(str(tmp_path / 'ship.yml')).flow == 'ship.yml'


def test_a_folder_with_an_executor(tmp_path: Path) -> None:
    folder = put(tmp_path / 'encoder', config_yml='jtype: Upper\n', upper_py=CODE)
    assert subject(str(folder)) == Subject(folder=folder, name='encoder', uses='/app')


def test_an_executor_in_a_larger_folder(tmp_path: Path) -> None:
    put(tmp_path, sub__config_yml='jtype: Upper\n')
    found = subject(str(tmp_path / 'sub'), root=tmp_path)
    assert (found.folder, found.uses, found.name) == (tmp_path, '/app/sub', 'sub')


def test_an_executors_yaml_of_any_name(tmp_path: Path) -> None:
    put(tmp_path, mine_yml='jtype: Upper\npy_modules: upper.py\n')
    assert subject(str(tmp_path / 'mine.yml')).uses == '/app/mine.yml'


@pytest.mark.parametrize('written', ['upper.py', 'upper.py:Upper', '.'])
def test_the_only_executor_of_a_file_or_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.chdir(put(tmp_path, upper_py=CODE, helpers_py='x = 1\n'))
    found = subject(written)
    assert (found.folder, found.uses, found.name) == (tmp_path, '/app/upper.py:Upper', 'upper')


def test_an_executor_in_a_package_takes_the_packages_folder(tmp_path: Path) -> None:
    put(tmp_path, shop__encoders_py=CODE)
    (tmp_path / 'shop' / '__init__.py').touch()
    found = subject(str(tmp_path / 'shop' / 'encoders.py'))
    assert (found.folder, found.uses) == (tmp_path, '/app/shop/encoders.py:Upper')


def test_uses_says_what_runs(tmp_path: Path) -> None:
    put(tmp_path, flow_yml=FLOW)
    found = subject(str(tmp_path), uses='shop.executors:DeepIndexer')
    assert (found.kind, found.uses, found.name) == ('executor', 'shop.executors:DeepIndexer', 'deep-indexer')


def test_the_project_names_it(tmp_path: Path) -> None:
    put(tmp_path, flow_yml=FLOW)
    (tmp_path / 'pyproject.toml').write_text('[project]\nname = "Garden_Shop"\n')
    assert subject(str(tmp_path)).name == 'garden-shop'


def test_code_is_read_and_never_run(tmp_path: Path) -> None:
    put(tmp_path, upper_py='import nothing_of_this_name\n' + CODE + '\nraise SystemExit\n')
    assert subject(str(tmp_path)).uses == '/app/upper.py:Upper'


@pytest.mark.parametrize(
    ('texts', 'path', 'says'),
    [
        ({}, '.', 'no flow.yml, no config.yml and no Python file with an executor'),
        ({}, 'gone', 'there is no'),
        ({'flow_yml': FLOW, 'config_yml': 'jtype: A\n'}, '.', 'has a Flow'),
        ({'a_py': CODE, 'b_py': CODE}, '.', 'has executors in a.py, b.py'),
        ({'a_py': CODE + CODE.replace('Upper', 'Lower')}, 'a.py', 'has 2 executors'),
        ({'a_py': 'x = 1\n'}, 'a.py', 'has no executor'),
        ({'a_py': 'class ('}, 'a.py', 'cannot be read as Python'),
    ],
)
def test_what_cannot_be(tmp_path: Path, texts: dict[str, str], path: str, says: str) -> None:
    put(tmp_path, **texts)
    with pytest.raises((SpecError, LoadError), match=says):
        subject(str(tmp_path / path))


def test_a_file_outside_of_the_folder_that_goes_in(tmp_path: Path) -> None:
    put(tmp_path, a__flow_yml=FLOW, b__x_py='')
    with pytest.raises(SpecError, match='is not in'):
        subject(str(tmp_path / 'a' / 'flow.yml'), root=tmp_path / 'b')
