"""`headrace check` of a gateway with code of its own: what it names is there, and is what it should be."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headrace.cli import main

WEB = """
from headrace import Gateway

class Web(Gateway):
    def __init__(self, greeting, size=1):
        raise AssertionError('a check constructs nothing')

async def page(scope, receive, send):
    ...

TEXT = 'no application'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of its own name, in which the code of the gateway lies."""
    place = tmp_path / 'shop'
    place.mkdir()
    (place / 'web_of_shop.py').write_text(WEB)
    return place


def check(folder: Path, gateway: str) -> Result:
    (folder / 'flow.yml').write_text(f'gateway: {{protocol: http, {gateway}}}\n')
    return CliRunner().invoke(main, ['check', str(folder / 'flow.yml')])


@pytest.mark.parametrize(
    'gateway',
    [
        'uses: web_of_shop.py:Web, uses_with: {greeting: hi}',
        'uses: web_of_shop:Web, uses_with: {greeting: hi, size: 2}',
        "apps: {/page: 'web_of_shop.py:page'}",
    ],
)
def test_what_is_there_is_sound(folder: Path, gateway: str) -> None:
    told = check(folder, gateway)
    assert told.exit_code == 0, told.output


@pytest.mark.parametrize(
    ('gateway', 'said', 'help'),
    [
        ('uses: wbe.py:Web', 'gateway.uses: there is no file {folder}/wbe.py', ''),
        ('uses: no_such_module:Web', "gateway.uses: there is no module 'no_such_module'", 'file.py:Class'),
        (
            'uses: web_of_shop.py:Wbe',
            "gateway.uses: {folder}/web_of_shop.py has no 'Wbe'",
            "did you mean 'Web'?",
        ),
        ('uses: web_of_shop.py:page', 'is no class of a gateway', 'a subclass of headrace.Gateway'),
        ('uses: web_of_shop.py:Web', "gateway.uses_with: missing a required argument: 'greeting'", ''),
        (
            'uses: web_of_shop.py:Web, uses_with: {greeting: hi, sice: 2}',
            "gateway.uses_with: got an unexpected keyword argument 'sice'",
            'Web takes greeting, size',
        ),
        (
            "apps: {/page: 'web_of_shop.py:pgae'}",
            "gateway.apps['/page']: {folder}/web_of_shop.py has no",
            "'page'?",
        ),
        ("apps: {/page: 'web_of_shop.py:TEXT'}", 'web_of_shop.py:TEXT is str, not an ASGI application', ''),
    ],
)
def test_what_would_not_start_is_told_as_of_executors(
    folder: Path, gateway: str, said: str, help: str
) -> None:
    told = check(folder, gateway)
    assert told.exit_code == 1
    assert f'error: {said.format(folder=folder)}' in told.stderr or said in told.stderr
    assert help in told.stderr
    assert 'Traceback' not in told.stderr
