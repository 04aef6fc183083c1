"""The dashboard in a real browser that can reach nothing but the gateway, of a Flow that is at work."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import struct
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace import BaseDoc, DocList, Executor, Flow, dynamic_batching, requests
from headrace.gateway.security import keys

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
sync_api = pytest.importorskip('playwright.sync_api')
axe_playwright = pytest.importorskip('axe_playwright_python.sync_playwright')
VIEWS = ('flow', 'requests', 'logs', 'try')
WORKERS = 3


class Photo(BaseDoc):
    """A product as a shop shows it."""

    title: str
    picture: bytes = b''
    pid: int = 0


class Encoder(Executor):
    @requests(on='/search')
    @dynamic_batching(preferred_batch_size=8, timeout=5)
    def encode(self, docs: DocList[Photo], **kwargs: Any) -> DocList[Photo]:
        """Find what looks alike."""
        for doc in docs:
            if doc.title == 'broken':
                self.logger.error('cannot read %s', doc.title)
                raise ValueError('the picture is truncated')
            if doc.title == 'slow':
                time.sleep(0.7)
            doc.pid = os.getpid()
        return docs


class Index(Executor):
    @requests(on='/search')
    async def find(self, docs: DocList[Photo], **kwargs: Any) -> DocList[Photo]:
        if docs[0].title != 'hat':
            logging.getLogger('shop').warning('looking for %s', docs[0].title)
        await asyncio.sleep(0.002)
        return docs

    @requests(on='/words')
    async def words(self, doc: Photo, **kwargs: Any) -> AsyncIterator[Photo]:
        yield doc


@pytest.fixture(scope='module')
def flow() -> Iterator[Any]:
    whole = Flow('shop', protocol=['http', 'grpc'], title='The <shop>')
    whole = whole.add(uses=Encoder, name='encoder', replicas=2)
    with whole.add(uses=Index, name='index', shards=2, polling='all') as running:
        yield running


@pytest.fixture(scope='module')
def home(flow: Any) -> str:
    return f'http://127.0.0.1:{flow.ports["http"]}/'


class Load:
    """Callers that ask one after the other until they are told to stop; `ask` is one more."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(WORKERS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            ask(self._home, 'hat')

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def ask(home: str, title: str, request_id: str = '') -> tuple[int, Any]:
    body = json.dumps({'data': [{'title': title}]}).encode()
    headers = {'content-type': 'application/json'} | ({'x-request-id': request_id} if request_id else {})
    try:
        with urllib.request.urlopen(
            urllib.request.Request(home + 'search', body, headers), timeout=30
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture
def load(home: str) -> Iterator[Load]:
    running = Load(home)
    yield running
    running.stop()


@pytest.fixture(scope='module')
def browser(chromium: str) -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        yield opened
        opened.close()


class Opening:
    """Opens pages; whatever goes wrong in one, and whatever it asks of others, is noted."""

    def __init__(self, browser: Any, home: str) -> None:
        self._browser = browser
        self._home = home
        self._contexts: list[Any] = []
        self.wrong: list[str] = []
        self.elsewhere: list[str] = []

    def __call__(self, view: str = 'flow', *, width: int = 1280, **settings: Any) -> Any:
        context = self._browser.new_context(viewport={'width': width, 'height': 900}, **settings)
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on('pageerror', lambda error: self.wrong.append(str(error)))
        page.on(
            'console',
            lambda said: self.wrong.append(said.text) if said.type in ('error', 'warning') else None,
        )
        page.on(
            'request', lambda asked: None if self._is_near(asked.url) else self.elsewhere.append(asked.url)
        )
        page.goto(f'{self._home}dashboard#{view}')
        return page

    def _is_near(self, url: str) -> bool:
        return url.startswith((self._home, 'data:', f'blob:{self._home}'))

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def opening(browser: Any, home: str) -> Iterator[Opening]:
    opened = Opening(browser, home)
    yield opened
    opened.close()
    assert opened.elsewhere == []
    assert opened.wrong == []


def box(page: Any, name: str) -> Any:
    return page.locator(f'.box[data-key="{name}"]')


def wait_for_label(page: Any, name: str, text: str) -> None:
    script = (
        '([key, text]) => document.querySelector(`.box[data-key="${key}"]`)'
        "?.getAttribute('aria-label')?.includes(text)"
    )
    page.wait_for_function(script, arg=[name, text])


def flowing(page: Any) -> None:
    """Wait until the graph shows that requests come."""
    page.wait_for_function(
        "() => Number.parseFloat(document.querySelector('.box.executor .flow')?.textContent) > 1"
    )


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


def test_a_request_that_failed_and_one_that_was_slow(opening: Opening, home: str) -> None:
    assert ask(home, 'slow', 'took-its-time')[0] == 200
    assert ask(home, 'broken', 'went-wrong')[0] == 500
    page = opening('requests')
    slow = page.locator('.requests > li', has=page.locator('[data-request^="took-its-time"]'))
    slow.locator('button').click()
    assert slow.locator('.fall tbody th').all_inner_texts()[1].startswith('encoder')
    encoder = slow.locator('.fall tbody tr').nth(1)
    assert encoder.locator('td.number').nth(2).text_content() in [f'{each} ms' for each in range(695, 900)]
    handler = encoder.locator('i.handler')
    assert float(handler.evaluate('part => part.offsetWidth / part.parentElement.offsetWidth')) > 0.8
    page.get_by_role('button', name='Failed').click()
    failed = page.locator('.requests > li', has=page.locator('[data-request^="went-wrong"]'))
    assert 'the picture is truncated' in (failed.locator('.why').text_content() or '')
    failed.locator('button').click()
    assert failed.locator('.fall i.unknown').count() + failed.locator('.fall i.handler').count() >= 1
    failed.locator('a', has_text='its log lines').click()
    page.wait_for_selector('.lines >> text=cannot read broken')
    assert page.locator('#logs-request').input_value() == 'went-wrong'


def test_a_refused_request_is_told_from_one_that_failed(opening: Opening, home: str) -> None:
    refused = urllib.request.Request(
        home + 'search', b'{"data": [{"titel": 1}]}', {'content-type': 'application/json'}
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(refused)
    raised.value.close()
    page = opening('requests')
    page.get_by_role('button', name='Refused').click()
    page.wait_for_selector('.requests .status.warn')


def test_logs_by_process_level_and_text(opening: Opening, home: str) -> None:
    ask(home, 'umbrella', 'rainy-day')
    page = opening('logs')
    page.wait_for_selector('.lines >> text=looking for umbrella')
    page.select_option('#logs-process', 'encoder/rep-0')
    page.wait_for_function("() => !document.querySelector('.lines').textContent.includes('umbrella')")
    page.select_option('#logs-process', '')
    page.fill('#logs-request', 'rainy-day')
    page.wait_for_function("() => document.querySelector('.lines').textContent.includes('umbrella')")
    page.fill('#logs-text', 'no such words')
    page.wait_for_selector('.lines >> text=No such line')


def test_the_form_sends_a_picture_and_shows_it(opening: Opening, tmp_path: Path) -> None:
    picture = tmp_path / 'hat.png'
    picture.write_bytes(png(24, 16))
    page = opening('try')
    page.select_option('#try-endpoint', '/search')
    page.get_by_label('title').fill('red hat')
    page.set_input_files('#try-files', picture)
    page.wait_for_function("() => document.querySelector('.previews img')?.naturalWidth === 24")
    page.get_by_role('button', name='Send').click()
    page.wait_for_function("() => document.querySelector('.document img')?.naturalWidth === 24")
    assert page.locator('.document >> text=red hat').is_visible()
    page.wait_for_selector('.result .fall')
    assert [each.split('\n')[0] for each in page.locator('.fall tbody th').all_inner_texts()] == [
        'gateway',
        'encoder',
        'index',
    ]


def png(width: int, height: int) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    rows = (b'\0' + b'\x20\x90\xc0' * width) * height
    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', head)
        + chunk(b'IDAT', zlib.compress(rows))
        + chunk(b'IEND', b'')
    )


def test_the_form_says_what_is_wrong(opening: Opening) -> None:
    page = opening('try')
    page.get_by_role('button', name='JSON').click()
    page.fill('#try-json', '[{"title": ')
    page.get_by_role('button', name='Send').click()
    page.wait_for_selector('[role=alert] >> text=Documents:')
    page.fill('#try-json', '[{"title": "hat"}, {"title": "scarf"}]')
    page.get_by_role('button', name='Send').click()
    page.wait_for_selector('.document >> text=scarf')
    assert page.locator('[role=alert]').is_hidden()


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
