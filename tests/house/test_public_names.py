"""The public names are exactly these, sorted, importable and documented."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import pytest
from sources import files

import headrace
from headrace import errors
from tools import reference

# A name that is added here is a promise: users may hold us to it.
PUBLIC = [
    'BaseDoc',
    'Client',
    'DocList',
    'Document',
    'DocumentArray',
    'Executor',
    'Flow',
    'Gateway',
    'NdArray',
    'TorchTensor',
    '__version__',
    'dynamic_batching',
    'monitor',
    'requests',
]

PACKAGES = sorted(
    name.removeprefix('src/').removesuffix('/__init__.py').replace('/', '.')
    for name in files()
    if name.startswith('src/headrace/')
    and name.endswith('/__init__.py')
    and name != 'src/headrace/__init__.py'
)


def test_exact_and_sorted() -> None:
    assert headrace.__all__ == PUBLIC, (
        'change PUBLIC in this test and docs/reference/names.md, too (make docs)'
    )
    assert dir(headrace) == sorted(PUBLIC)


NAMES = [pytest.param(n, marks=pytest.mark.needs('torch')) if n == 'TorchTensor' else n for n in PUBLIC]


@pytest.mark.parametrize('name', NAMES)
def test_importable_and_explained(name: str) -> None:
    thing = getattr(headrace, name)
    if name in reference.ALIASES:
        assert reference.ALIASES[name]
        return
    assert inspect.getdoc(thing), f'headrace.{name} has no docstring'


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Flwo'"):
        _ = headrace.Flwo


@pytest.mark.parametrize('package', PACKAGES)
def test_packages(package: str) -> None:
    """A package lists what others may use of it (ruff keeps it sorted), and has it."""
    module = import_module(package)
    names = [n for n in getattr(module, '__all__', ()) if n != 'TorchTensor']  # PyTorch may be missing
    assert len(set(names)) == len(names)
    assert not [name for name in names if not hasattr(module, name)], f'not in {package}'


def test_errors_are_drawn() -> None:
    """The tree at the top of errors.py has every class, and nothing else."""
    tree = (errors.__doc__ or '').partition('\n\n')[2]
    drawn = re.findall(r'^[│├└─ ]*(\w+)', tree, re.MULTILINE)
    defined = [n for n, e in vars(errors).items() if isinstance(e, type) and e.__module__ == errors.__name__]
    assert sorted(drawn) == sorted(defined)
