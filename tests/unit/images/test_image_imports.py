"""What the code of an image imports: found without running it, and told where the image will not have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.images.context import context
from headrace.images.ignore import Ignore
from headrace.images.imports import Code, lacking
from headrace.images.locking import Lock
from headrace.images.making import Wanted, notes_on_imports, sketch

EXECUTOR = """
import os, yaml
import numpy as np
from typing import TYPE_CHECKING
from headrace import Executor, requests
from beside import thing
if TYPE_CHECKING:
    import only_for_types
try:
    import fast_one
except ImportError:
    import slow_one
else:
    import after_fast
"""


def write(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return list(files)


def found(folder: Path, files: dict[str, str], *names: str, bases: tuple[str, ...] = ('',)) -> set[str]:
    return {each.top for each in Code(folder, write(folder, files), bases).imports(names)}


OF_EXECUTOR = {'os', 'yaml', 'numpy', 'typing', 'headrace', 'after_fast'}


def test_what_a_file_needs_and_its_neighbours(tmp_path: Path) -> None:
    files = {
        'code/shop.py': EXECUTOR,
        'code/beside.py': 'def f():\n    import late.part\n',
        'code/test_shop.py': 'import pytest_thing\n',
        'tests/test_all.py': 'import another\n',
    }
    assert found(tmp_path, files, '/app/code/shop.py:Shop') == OF_EXECUTOR | {'late'}


def test_imports_have_their_place(tmp_path: Path) -> None:
    (first,) = Code(tmp_path, write(tmp_path, {'a.py': '\n\nfrom x.y import z\n'})).imports(['a.py:A'])
    assert (first.name, first.file, first.line, first.top) == ('x.y.z', 'a.py', 3, 'x')


@pytest.mark.parametrize('uses', ['shop.encoders:A', 'shop.encoders.A', 'shop/encoders.py:A', '/app/shop'])
def test_packages(tmp_path: Path, uses: str) -> None:
    files = {
        'shop/__init__.py': 'import of_package\n',
        'shop/config.yml': 'jtype: A\npy_modules: encoders.py\n',
        'shop/encoders.py': 'from . import near\nfrom .deep.inner import x\nfrom shop.far import y\n',
        'shop/near.py': 'import of_near\n',
        'shop/far.py': 'import of_far\n',
        'shop/deep/__init__.py': 'import of_deep\nfrom ..up import x\n',
        'shop/deep/inner.py': 'import of_inner\n',
        'shop/up.py': 'import of_up\n',
        'shop/never.py': 'import of_never\n' if uses != '/app/shop' else '',
    }
    of = {f'of_{name}' for name in ('near', 'far', 'deep', 'inner', 'up')}
    assert found(tmp_path, files, uses) == of | {'of_package'}


def test_code_below_a_folder_that_is_run(tmp_path: Path) -> None:
    files = {'flows/a.py': 'import b, c\n', 'flows/b.py': 'import of_b\n', 'c.py': 'import of_c\n'}
    assert found(tmp_path, files, 'a.py:A', bases=('flows', '')) == {'of_b', 'of_c'}


def test_what_leads_nowhere_imports_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, {'a.py': 'import (\n'}, 'a.py:A', 'no.module:A', 'Executor', '../b.py:B') == set()


def test_code_that_nobody_can_read_imports_nothing(tmp_path: Path) -> None:
    deep = {
        'a.py': 'import b\nif ' + 'x.' * 20_000 + 'x:\n    import c\n',
        'b.py': 'import of_b\nx = ' + '-' * 90_000 + '1',
    }
    assert found(tmp_path, deep, 'a.py:A', 'b.py:A') <= {'b', 'c', 'of_b'}
    (tmp_path / 'c.py').write_bytes(b'\xff\0')
    assert Code(tmp_path, ['c.py', 'gone.py']).imports(['c.py:A', 'gone.py:A']) == []


def test_who_has_a_module(tmp_path: Path) -> None:
    """yaml is of PyYAML here, numpy of numpy; what is not installed is known by its name alone."""
    files = {'a.py': 'import yaml, numpy, os, headrace, no_such_one, dateutil_like, yaml.nodes\n'}
    imports = Code(tmp_path, write(tmp_path, files)).imports(['a.py:A'])
    told = {
        each.top: package for each, package in lacking(imports, ['numpy', 'python-dateutil-like']).items()
    }
    assert told == {'yaml': 'PyYAML', 'no_such_one': ''}
    assert lacking(imports, ['pyyaml', 'numpy', 'no-such-one', 'dateutil-like']) == {}


def notes(folder: Path, lock: str) -> tuple[str, ...]:
    made = sketch(Wanted(path=str(folder), headrace='1.0'))
    files = context(made.subject.folder, Ignore([]), {})
    return notes_on_imports(made, Lock(file='requirements.lock', text=lock), files)


def test_the_notes_of_a_build(tmp_path: Path) -> None:
    write(tmp_path, {
        'flow.yml': 'executors: [{uses: "shop.py:Shop", uses_with: {x: "${{ ENV.NO_SUCH_ONE }}"}}]\n'
        'gateway: {protocol: http, uses: "web.py:Web"}\n',
        'shop.py': 'from headrace import Executor\nimport yaml\nfrom no_such_one.inner import x\n'
        'class Shop: ...\n',
        'web.py': 'import numpy\nclass Web: ...\n',
        'tests/test_shop.py': 'import pytest\n',
    })  # fmt: skip
    rest = 'which the image will not have: add'
    assert notes(tmp_path, 'numpy==1\n') == (
        f'shop.py, line 2, imports yaml, {rest} PyYAML to requirements.txt',
        f'shop.py, line 3, imports no_such_one, {rest} the package that it is in to requirements.txt',
    )
    assert notes(tmp_path, 'numpy==1\npyyaml==6 \\\n    --hash=sha256:00\nno-such-one==1\n') == ()
    (tmp_path / 'pyproject.toml').write_text('[project]\nname = "x"\nversion = "1"\ndependencies = []\n')
    assert notes(tmp_path, 'numpy==1\nno-such-one==1\n')[0].endswith('add PyYAML to pyproject.toml')
    (tmp_path / 'Dockerfile').write_text('FROM x\nRUN pip install PyYAML no_such_one numpy\n')
    assert notes(tmp_path, '') == ()
