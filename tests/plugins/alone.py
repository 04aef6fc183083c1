"""Tests that ask a lot of the machine, or of its clock, run while no other test of this checkout does.

Mark such a test with `@pytest.mark.alone`. The tests of other processes (pytest-xdist) wait until it is over:
each test holds a lock that all share, and one that is to be alone holds it for itself.
"""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line('markers', 'alone: no other test of this checkout runs meanwhile')


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around pytest-timeout: waiting is not the test's time
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test when it may."""
    if not item.config.pluginmanager.hasplugin('cacheprovider'):  # there is no folder that all know
        return (yield)
    folder = item.config.cache.mkdir('alone')
    how = fcntl.LOCK_EX if item.get_closest_marker('alone') else fcntl.LOCK_SH
    with (folder / 'room').open('w') as room:
        # who waits to be alone closes the gate behind himself, or others would enter for ever
        with (folder / 'gate').open('w') as gate, _locked(gate.fileno(), fcntl.LOCK_EX):
            fcntl.flock(room, how)
        try:
            return (yield)
        finally:
            fcntl.flock(room, fcntl.LOCK_UN)  # (closing is not enough: a forked child may have the file too)


@contextmanager
def _locked(file: int, how: int) -> Generator[None, None, None]:
    fcntl.flock(file, how)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
