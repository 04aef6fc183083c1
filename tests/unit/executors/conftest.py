"""Tests that import modules leave the process as it was."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def own_modules() -> Iterator[None]:
    """Forget the modules and folders that a test brings in."""
    modules, folders = dict(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]
    sys.modules.update(modules)
    sys.path[:] = folders
