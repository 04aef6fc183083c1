"""Clients of the WebSocket door that know its documentation alone: of Python, of Node, and of a browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headrace import Flow
from headrace.gateway.security import keys
from headrace.spec.security import SecuritySpec
from tests.services.words import Words

CLIENTS = Path(__file__).parent / 'websocket_clients'

EXPECTED: dict[str, Any] = {
    'reply': {
        'type': 'reply',
        'id': 'a',
        'data': [{'id': '1', 'text': 'RED HAT', 'vector': None}],
        'parameters': {},
    },
    'parts': ['a', 'b', 'c'],
    'end': {'type': 'end', 'id': 'p'},
    'duplex': 50,
    'invalid': ['i', 422, 'Expected `str`, got `int` - at $.data[0].text'],
    'forbidden': ['f', 403, "'robot' may not call '/other'"],
    'endless': ['n 0', 'n 1', 'n 2'],
    'pong': {'type': 'pong', 'id': 'q'},
    'closed': 1000,
}


@pytest.fixture(scope='module')
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A Flow that asks for keys; `key` is for all endpoints but '/other'."""
    file = tmp_path_factory.mktemp('keys') / 'keys.json'
    shown, kept = keys.new_key('robot', scopes=('/upper', '/words', '/endless'))
    keys.write(file, keys.KeyFile((kept,)))
    flow = Flow(protocol=['http', 'websocket']).add(name='shop', uses=Words)
    with flow.config_gateway(security=SecuritySpec(keys=str(file))) as running:
        yield SimpleNamespace(host=f'127.0.0.1:{running.port}', key=shown)


def answer(*command: str) -> dict[str, Any]:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_python(shop: SimpleNamespace) -> None:
    found = answer(sys.executable, str(CLIENTS / 'client.py'), f'ws://{shop.host}', shop.key)
    assert found == EXPECTED | {'stranger': 401}


@pytest.mark.needs('node')
def test_node(shop: SimpleNamespace) -> None:
    version = subprocess.run(['node', '--version'], capture_output=True, text=True, timeout=60, check=True)
    major = int(re.findall(r'\d+', version.stdout)[0])
    if major < 20:
        pytest.skip('this Node has no WebSocket of its own')
    flags = ['--experimental-websocket'] if major < 22 else []
    found = answer('node', *flags, str(CLIENTS / 'client.js'), f'ws://{shop.host}', shop.key)
    assert found == EXPECTED | {'stranger': 1006}  # no page asks: it is refused, and told so in a 401


@pytest.mark.browser
def test_browser(shop: SimpleNamespace, chromium: str) -> None:
    playwright = pytest.importorskip('playwright.sync_api')
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        page = browser.new_page()
        page.goto(f'http://{shop.host}/health')  # so that the page has the origin of the gateway
        page.add_script_tag(content=(CLIENTS / 'client.js').read_text())
        found = page.evaluate(f"talk('ws://{shop.host}', {shop.key!r})")
        foreign = browser.new_page()
        foreign.goto('data:text/html,<title>elsewhere</title>')
        code = foreign.evaluate(
            """(url) => new Promise((done) => {
                new WebSocket(url).onclose = (event) => done(event.code);
            })""",
            f'ws://{shop.host}/',
        )
        browser.close()
    assert found == EXPECTED | {'stranger': 4401}
    assert code == 1006
