"""Which event loop tests run on."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvloop
from loops import loop_factories

TESTS = Path(__file__).parents[2]
HOOK = 'pytest_asyncio_loop_factories'


def test_no_module_says_it_where_nobody_hears_it() -> None:
    deaf = [
        str(path.relative_to(TESTS))
        for path in TESTS.rglob('test_*.py')
        if HOOK in path.read_text(encoding='utf-8')
        and any(
            getattr(node, 'name', '') == HOOK for node in ast.parse(path.read_text(encoding='utf-8')).body
        )
    ]
    assert deaf == [], f'{HOOK} counts in a conftest.py only: say ON_UVLOOP = True'


@pytest.mark.parametrize(('said', 'names'), [({'ON_UVLOOP': True}, ['uvloop']), ({}, ['asyncio'])])
def test_a_module_asks_for_the_loop_of_gateways(said: dict[str, bool], names: list[str]) -> None:
    module = SimpleNamespace(obj=SimpleNamespace(**said))
    factories = loop_factories(SimpleNamespace(getparent=lambda kind: module))  # type: ignore[arg-type]
    assert list(factories) == names
    loop = factories[names[0]]()
    assert isinstance(loop, uvloop.Loop) == bool(said)
    loop.close()


def test_the_modules_that_ask_have_a_conftest_that_hears_them() -> None:
    asking = [path for path in TESTS.rglob('test_*.py') if '\nON_UVLOOP = True' in path.read_text('utf-8')]
    assert asking
    for path in asking:
        assert HOOK in (path.parent / 'conftest.py').read_text(encoding='utf-8'), path
