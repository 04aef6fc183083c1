"""The dashboard in a real browser: the graph at work, who may see it, and whether everybody can use it."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from dashboard_shop import Index, Load, Opening, Photo, ask, box, flowing, wait_for_label

from headrace import DocList, Executor, Flow, requests
from headrace.gateway.security import keys

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
pytest.importorskip('playwright.sync_api')
axe_playwright = pytest.importorskip('axe_playwright_python.sync_playwright')
VIEWS = ('flow', 'requests', 'logs', 'try')


def test_the_graph_shows_what_flows(opening: Opening, load: Load) -> None:
    page = opening()
    flowing(page)
    assert page.title() == 'The <shop> · Dashboard'
    assert page.locator('h1').text_content() == 'The <shop>'
    assert page.locator('#health').text_content() == 'healthy'
    wait_for_label(page, 'encoder', '2 of 2 replicas healthy')
    wait_for_label(page, 'index', '2 of 2 replicas healthy')
    assert page.locator('.stream.s1, .stream.s2, .stream.s3, .stream.s4, .stream.s5').count() == 3
    page.click('#graph-table summary')
    assert page.locator('#executors tbody tr').count() == 2
    box(page, 'encoder').click()
    page.wait_for_selector('#details h4:has-text("Batches of /search")')
    assert page.locator('#details >> text=encoder/rep-1').is_visible()


def test_an_address_without_a_view_is_that_of_the_graph(opening: Opening, home: str) -> None:
    page = opening('')
    wait_for_label(page, 'index', 'replicas')
    page.goto(f'{home}dashboard#main')
    assert page.locator('#view-flow').is_visible()


def test_figures_are_those_of_the_flow(opening: Opening, home: str) -> None:
    before = state(home)
    for _ in range(5):
        assert ask(home, 'hat')[0] == 200
    after = state(home)
    assert after['requests'] - before['requests'] == 5
    gained = [
        new['requests'] - old['requests']
        for new, old in zip(after['executors'], before['executors'], strict=True)
    ]
    assert gained == [5, 5]
    works = [[each['work']['requests'] for each in executor['replicas']] for executor in after['executors']]
    assert sum(works[0]) >= 5
    assert works[1][0] == works[1][1] >= 5  # every shard is asked


def state(home: str) -> Any:
    """The state now: not the reading that was made for who asked just before."""
    time.sleep(0.6)
    with urllib.request.urlopen(home + 'dashboard/state') as answer:
        return json.load(answer)


class Heavy(Executor):
    """Takes its time to start, but for the first time."""

    def __init__(self, seen: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if Path(seen).exists():
            time.sleep(4)

    @requests(on='/search')
    def who(self, docs: DocList[Photo], **kwargs: Any) -> DocList[Photo]:
        docs[0].pid = os.getpid()
        return docs


def test_a_killed_replica_is_shown_and_comes_back(browser: Any, tmp_path: Path) -> None:
    seen = tmp_path / 'seen'
    with Flow(protocol='http').add(
        uses=Heavy, name='heavy', replicas=2, uses_with={'seen': str(seen)}
    ) as flow:
        home = f'http://127.0.0.1:{flow.ports["http"]}/'
        opened = Opening(browser, home)
        page = opened()
        box(page, 'heavy').click()
        wait_for_label(page, 'heavy', '2 of 2 replicas healthy')
        seen.touch()
        os.kill(ask(home, 'who')[1]['data'][0]['pid'], signal.SIGKILL)
        wait_for_label(page, 'heavy', '1 of 2 replicas healthy')
        assert page.locator('#health').text_content() == 'degraded'
        assert 'the Flow is degraded' in (page.locator('#news').text_content() or '')
        assert page.locator('.box .dot.starting, .box .dot.lost').count() == 1
        wait_for_label(page, 'heavy', '2 of 2 replicas healthy')
        assert page.locator('#health').text_content() == 'healthy'
        restarts = page.locator('#details .figures div', has_text='Restarts').locator('dd')
        assert restarts.text_content() == '1'
        opened.close()
    assert (opened.elsewhere, opened.wrong) == ([], [])


def test_everything_by_keyboard(opening: Opening) -> None:
    page = opening()
    wait_for_label(page, 'index', 'replicas')
    page.keyboard.press('Tab')
    assert focused(page) == 'Skip to the content'
    for wanted in ('Pause', 'Theme: auto', 'Flow', 'Requests', 'Logs', 'Try it'):
        page.keyboard.press('Tab')
        assert focused(page) == wanted
    for name in ('graph', 'gateway', 'encoder', 'index'):
        page.keyboard.press('Tab')
        assert page.evaluate('() => document.activeElement.dataset.key ?? document.activeElement.id') == name
    page.keyboard.press('Enter')
    page.wait_for_selector('#details h3:has-text("index")')
    page.keyboard.press('Tab')
    page.keyboard.press('Tab')
    assert focused(page) == 'Close'
    page.keyboard.press('Enter')
    assert page.locator('#details').is_hidden()
    assert page.evaluate('() => document.activeElement.dataset.key') == 'index'


def focused(page: Any) -> str:
    return str(page.evaluate('() => document.activeElement.textContent.trim()'))


@pytest.mark.parametrize('view', VIEWS)
@pytest.mark.parametrize(('width', 'scheme'), [(1280, 'light'), (1280, 'dark'), (320, 'light')])
def test_accessible_and_never_too_wide(
    opening: Opening, home: str, view: str, width: int, scheme: str
) -> None:
    ask(home, 'broken')
    page = opening(view, width=width, color_scheme=scheme, reduced_motion='reduce')
    page.wait_for_selector(f'#view-{view}:visible')
    if view == 'flow':
        wait_for_label(page, 'index', 'replicas')
        page.wait_for_selector('#details table')
    elif view == 'requests':
        page.locator('.row').first.click()
    elif view == 'logs':
        page.wait_for_selector('.lines li')
    else:
        page.get_by_label('title').fill('hat')
        page.get_by_role('button', name='Send').click()
        page.wait_for_selector('.result .fall')
    found = axe_playwright.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate('() => document.documentElement.scrollWidth') <= width


def test_dark_light_and_still(opening: Opening, load: Load) -> None:
    page = opening(color_scheme='dark', reduced_motion='reduce')
    flowing(page)
    paper = '() => getComputedStyle(document.documentElement).backgroundColor'
    dark = page.evaluate(paper)
    page.get_by_role('button', name='Theme').click()
    assert page.get_by_role('button', name='Theme: light').is_visible()
    light = page.evaluate(paper)
    assert sum(map(int, light[4:-1].split(','))) > 600 > 150 > sum(map(int, dark[4:-1].split(',')))
    page.reload()
    assert page.evaluate(paper) == light
    flowing(page)
    moving = "() => document.getAnimations().filter((each) => each.playState === 'running').length"
    assert page.evaluate(moving) == 0
    page.emulate_media(reduced_motion='no-preference')
    page.wait_for_function(moving)


def test_a_page_that_nobody_looks_at_asks_nothing(opening: Opening) -> None:
    page = opening()
    wait_for_label(page, 'index', 'replicas')
    page.get_by_role('button', name='Pause').click()
    asked: list[str] = []
    page.on('request', lambda request: asked.append(request.url))
    page.wait_for_timeout(3000)  # what is shown is that nothing comes
    assert asked == []
    page.get_by_role('button', name='Pause').click()
    page.wait_for_event('request')


def test_a_key_opens_it_and_is_in_no_address(browser: Any, tmp_path: Path) -> None:
    shown, kept = keys.new_key('watch', scopes=('/dashboard', '/search'))
    keys.write(tmp_path / 'keys.json', keys.KeyFile((kept,)))
    flow = Flow(protocol='http', title='Closed').config_gateway(
        security={'keys': str(tmp_path / 'keys.json')}
    )
    with flow.add(uses=Index, name='index') as running:
        opened = Opening(browser, f'http://127.0.0.1:{running.ports["http"]}/')
        page = opened()
        addresses: list[str] = []
        page.on('request', lambda asked: addresses.append(asked.url))
        page.get_by_label('API key or token').fill('hr_0_wrong')
        page.keyboard.press('Enter')
        page.wait_for_function("() => document.querySelector('#key-why').textContent.includes('not known')")
        assert 'Closed' not in page.content()
        found = axe_playwright.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.get_by_label('API key or token').fill(shown)
        page.keyboard.press('Enter')
        wait_for_label(page, 'index', 'replica')
        page.reload()
        wait_for_label(page, 'index', 'replica')
        page.get_by_role('link', name='Try it').click()
        page.get_by_role('link', name='Requests').click()
        page.wait_for_selector('#view-requests:visible')
        assert len(addresses) > 4
        assert not [address for address in addresses if shown in address]
        opened.close()
    assert opened.elsewhere == []
    assert [said for said in opened.wrong if '401' not in said] == []  # the browser notes each refusal
