"""A Flow at work, and pages of its dashboard in a real browser that can reach nothing but the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dashboard_shop import Encoder, Index, Load, Opening

from headrace import Flow


@pytest.fixture(scope='module')
def flow() -> Iterator[Any]:
    whole = Flow('shop', protocol=['http', 'grpc'], title='The <shop>')
    whole = whole.add(uses=Encoder, name='encoder', replicas=2)
    with whole.add(uses=Index, name='index', shards=2, polling='all') as running:
        yield running


@pytest.fixture(scope='module')
def home(flow: Any) -> str:
    return f'http://127.0.0.1:{flow.ports["http"]}/'


@pytest.fixture
def load(home: str) -> Iterator[Load]:
    running = Load(home)
    yield running
    running.stop()


@pytest.fixture(scope='module')
def browser(chromium: str) -> Iterator[Any]:
    sync_api = pytest.importorskip('playwright.sync_api')
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        yield opened
        opened.close()


@pytest.fixture
def opening(browser: Any, home: str) -> Iterator[Opening]:
    opened = Opening(browser, home)
    yield opened
    opened.close()
    assert opened.elsewhere == []
    assert opened.wrong == []
