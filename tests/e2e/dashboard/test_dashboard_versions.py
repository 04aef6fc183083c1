"""An executor with two versions on the dashboard: the shares they should get and got, and their figures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from dashboard_shop import Encoder, Index, Load, Opening, ask, box, wait_for_label

from headrace import Flow

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
pytest.importorskip('playwright.sync_api')


@pytest.fixture(scope='module')
def flow() -> Iterator[Any]:
    versions = {'v2': {'uses': Encoder, 'replicas': 2}}
    whole = Flow('shop', protocol='http', timeout_stop_s=2)
    whole = whole.add(uses=Encoder, name='encoder', versions=versions)
    with whole.add(uses=Index, name='index') as running:
        running.set_weights('encoder', main=3, v2=1)
        yield running


@pytest.fixture
def opening(browser: Any, home: str) -> Iterator[Opening]:
    opened = Opening(browser, home)
    yield opened
    opened.close()
    assert (opened.elsewhere, opened.wrong) == ([], [])


def state(home: str) -> dict[str, Any]:
    with urlopen(f'{home}dashboard/state', timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)['executors'][0]
    return found


def cells(page: Any, name: str) -> list[str]:
    row = page.locator('section', has=page.locator('h4', has_text='Versions')).locator('tr', has_text=name)
    return [' '.join(text.split()) for text in row.first.locator('th, td').all_inner_texts()]


def until_state(home: str, condition: Any) -> dict[str, Any]:
    until = time.monotonic() + 60
    while not condition(found := state(home)):
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def test_figures_are_those_of_each_version_and_of_all_together(flow: Any, home: str) -> None:
    before = state(home)['requests']
    for _ in range(12):
        ask(home, 'hat')
    assert ask(home, 'broken')[0] == 500
    found = until_state(home, lambda now: now['requests'] - before >= 13)
    main, v2 = found['versions']
    assert [(each['name'], each['weight'], each['state']) for each in (main, v2)] == [
        ('main', 3.0, 'healthy'),
        ('v2', 1.0, 'healthy'),
    ]
    assert main['requests'] + v2['requests'] == found['requests']
    assert v2['requests'] in (found['requests'] // 4, found['requests'] // 4 + 1)
    assert main['failed'] + v2['failed'] == found['failed'] == 1
    assert sum(work['requests'] for work in found['endpoints']) == found['requests']
    assert [replica['name'] for replica in found['replicas']] == [
        'encoder',
        'encoder/v2/rep-0',
        'encoder/v2/rep-1',
    ]


def test_the_page_shows_versions_with_weights_and_what_they_got(
    flow: Any, home: str, opening: Opening, load: Load
) -> None:
    page = opening()
    box(page, 'encoder').click()
    page.wait_for_selector('#details h4 >> text=Versions')
    wait_for_label(page, 'encoder', '3 of 3 replicas healthy')
    assert box(page, 'encoder').locator('.count').all_text_contents() == ['main 1/1', 'v2 2/2']
    assert cells(page, 'v2')[:3] == ['v2', 'healthy', '25 %']
    flow.set_weights('encoder', main=1, v2=1)
    page.wait_for_function(
        """() => [...document.querySelectorAll('#details tr')].some((row) =>
            row.cells[0].textContent === 'v2' && Number.parseFloat(row.cells[2].textContent) === 50 &&
            Math.abs(Number.parseFloat(row.cells[3].textContent) - 50) < 6)"""
    )
    flow.set_weights('encoder', main=3, v2=1)
