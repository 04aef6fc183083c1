"""What the dashboard tells over HTTP, to whom, and where it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser

import httpx
import msgspec
import pytest

from headrace import BaseDoc, DocList, Executor, Flow, requests
from headrace.errors import SpecError
from headrace.gateway import serve
from headrace.gateway.dashboard import watch
from headrace.gateway.dashboard.parts import PARTS
from headrace.gateway.dashboard.records import Logs, Plan, Requests, State
from headrace.gateway.security import keys
from headrace.gateway.setting import Setting
from headrace.pipeline import Graph
from headrace.pipeline.describe import FlowInfo
from headrace.spec import ExposedEndpoint, GatewaySpec
from headrace.spec.observe import DashboardSpec, MetricsSpec, ObserveSpec
from headrace.spec.security import SecuritySpec

DATA = {'flow': Plan, 'state': State, 'requests': Requests, 'logs': Logs}


class Item(BaseDoc):
    title: str = ''


class Shop(Executor):
    @requests(on='/sell')
    async def sell(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
        if docs and docs[0].title == 'secret words':
            raise ValueError('sold out')
        return docs


async def test_everything_has_the_shape_that_is_promised(open_flow, monkeypatch):
    monkeypatch.setattr(watch, 'FRESH_S', 0.0)  # no reading is used again
    shop = await open_flow(Shop)
    assert (await shop.client.post('/sell', json={'data': [{'title': 'hat'}]})).status_code == 200
    assert (await shop.client.post('/sell', json={'data': [{'title': 'secret words'}]})).status_code == 500
    for name, record in DATA.items():
        answer = await shop.client.get(f'/dashboard/{name}?history')
        assert answer.status_code == 200
        msgspec.json.decode(answer.content, type=record)
        assert answer.headers['cache-control'] == 'no-store'
        assert 'secret words' not in answer.text  # of documents nothing is told
    state = msgspec.json.decode((await shop.client.get('/dashboard/state')).content, type=State)
    assert (state.requests, state.failed, state.status) == (2, 1, 'ready')
    told = msgspec.json.decode((await shop.client.get('/dashboard/requests')).content, type=Requests)
    assert [each.status for each in told.failed] == [500]
    assert 'sold out' in told.failed[0].error
    named = await shop.client.get('/dashboard/requests', params={'id': told.failed[0].id})
    assert msgspec.json.decode(named.content, type=Requests).named == told.failed[0]


async def test_a_lent_name_sees_nothing_though_every_origin_may_call(open_flow):
    shop = await open_flow(Shop, cors=('*',))
    lent, own = 'rebound.evil.example', str(shop.client.base_url.netloc, 'ascii')
    same = {'host': lent, 'origin': f'http://{lent}'}
    assert (await shop.client.post('/sell', json={'data': []}, headers=same)).status_code == 200
    for name in DATA:
        for headers in (same, {'host': lent}):
            assert (await shop.client.get(f'/dashboard/{name}', headers=headers)).status_code == 403
        assert (await shop.client.get(f'/dashboard/{name}', headers={'host': own})).status_code == 200


async def test_names_of_processes_are_no_patterns(open_flow):
    shop = await open_flow(Shop)
    for process in ('**', '*', '[', '../../x', '\0', 'gateway/**'):
        answer = await shop.client.get('/dashboard/logs', params={'process': process})
        assert (answer.status_code, answer.json()['lines']) == (200, [])


@asynccontextmanager
async def observed(observe: ObserveSpec) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with nothing behind it."""
    spec, info = GatewaySpec(protocols=('http',)), FlowInfo('shop', (), ())
    server = await serve(Graph([]), info, spec, setting=Setting(observe=observe))
    try:
        async with httpx.AsyncClient(base_url=f'http://127.0.0.1:{server.ports["http"]}') as client:
            yield client
    finally:
        await server.stop(0)


class Links(HTMLParser):
    """What a page loads, and what could run in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        if tag == 'script':
            self.loads.append(known.get('src') or '')
        if tag == 'link':
            self.loads.append(known.get('href') or '')
        self.inline += [name for name in known if name.startswith('on') or name == 'style']


@pytest.mark.parametrize('path', ['/dashboard', '/inner/rooms/view'])
async def test_the_page_finds_its_parts_and_runs_nothing_of_its_own(path):
    observe = ObserveSpec(dashboard=DashboardSpec(path=path))
    async with observed(observe) as client:
        page = await client.get(path)
        links = Links()
        links.feed(page.text)
        assert len(links.loads) == 5
        assert '' not in links.loads
        assert links.inline == []
        for load in links.loads:
            assert (await client.get(str(page.url.join(load)))).status_code == 200
        for part in PARTS:
            assert (await client.get(f'{path}/{part}')).headers['x-content-type-options'] == 'nosniff'
        policy = page.headers['content-security-policy']
        assert "script-src 'self'" in policy
        assert 'unsafe' not in policy
        slash = await client.get(f'{path}/', follow_redirects=True)
        assert slash.url == page.url


@pytest.mark.parametrize(
    ('scopes', 'executors', 'status'),
    [
        (('*',), ('*',), 200),
        (('/dashboard',), ('*',), 200),
        (('/sell',), ('*',), 403),
        (('*',), ('shop',), 403),
    ],
)
async def test_it_is_for_who_may_see_everything(open_flow, tmp_path, scopes, executors, status):
    shown, kept = keys.new_key('some', scopes=scopes, executors=executors)
    keys.write(tmp_path / 'keys.json', keys.KeyFile((kept,)))
    shop = await open_flow(Shop, security=SecuritySpec(keys=str(tmp_path / 'keys.json')))
    page = await shop.client.get('/dashboard')
    assert page.status_code == 200  # it asks for the key
    assert 'shop' not in page.text
    assert (await shop.client.get('/dashboard/main.js')).status_code == 200
    for name in DATA:
        assert (await shop.client.get(f'/dashboard/{name}')).status_code == 401
        assert (
            await shop.client.get(f'/dashboard/{name}', headers={'x-api-key': 'hr_no_key'})
        ).status_code == 401
        assert (
            await shop.client.get(f'/dashboard/{name}', headers={'x-api-key': shown})
        ).status_code == status
        assert (await shop.client.get(f'/dashboard/{name}?key={shown}')).status_code == 401


async def test_anonymous_may_see_it_if_the_flow_says_so(open_flow, tmp_path):
    keys.write(tmp_path / 'keys.json', keys.KeyFile())
    security = SecuritySpec(keys=str(tmp_path / 'keys.json'), anonymous=('/dashboard',))
    shop = await open_flow(Shop, security=security)
    assert (await shop.client.get('/dashboard/state')).status_code == 200
    assert (await shop.client.post('/sell', json={})).status_code == 401


async def test_other_names_and_origins_are_told_nothing(open_flow):
    shop = await open_flow(Shop, cors=('https://shop.example',))
    assert (await shop.client.get('/dashboard', headers={'host': 'rebound.evil.example'})).status_code == 403
    for name in DATA:
        for headers in (
            {'host': 'rebound.evil.example'},
            {'origin': 'https://shop.example'},
            {'origin': 'null'},
        ):
            assert (await shop.client.get(f'/dashboard/{name}', headers=headers)).status_code == 403
    own = f'127.0.0.1:{shop.port}'
    assert (
        await shop.client.get('/dashboard/state', headers={'host': own, 'origin': f'http://{own}'})
    ).status_code == 200


@pytest.mark.parametrize('query', ['limit=many', 'limit=-1', 'limit='])
async def test_what_is_asked_for_wrongly_is_told(open_flow, query):
    shop = await open_flow(Shop)
    answer = await shop.client.get(f'/dashboard/logs?{query}')
    assert answer.status_code == 400
    assert 'limit' in answer.json()['detail']


async def test_it_can_be_left_out(open_flow):
    observe = ObserveSpec(dashboard=DashboardSpec(enabled=False))
    async with observed(observe) as client:
        for path in ('/dashboard', '/dashboard/state', '/dashboard/main.js'):
            assert (await client.get(path)).status_code == 404


async def test_without_metrics_it_says_so():
    observe = ObserveSpec(metrics=MetricsSpec(enabled=False))
    async with observed(observe) as client:
        assert (await client.get('/dashboard/flow')).json()['measures'] is False
        assert (await client.get('/dashboard/state')).json()['requests'] == 0


async def test_an_endpoint_at_its_path_is_told(open_flow):
    exposed = ExposedEndpoint(endpoint='/sell', path='/dashboard', methods=('GET',))
    with pytest.raises(SpecError, match='observe.dashboard.path'):
        await open_flow(Shop, expose=(exposed,))


async def test_it_is_below_the_prefix(open_flow):
    shop = await open_flow(Shop, prefix='/shop')
    assert (await shop.client.get('/shop/dashboard/state')).status_code == 200
    assert (await shop.client.get('/shop/dashboard')).status_code == 200


def test_several_gateways_tell_the_same(tmp_path):
    flow = Flow('many', protocol=['http', 'websocket']).config_gateway(replicas=2).add(uses=Shop, name='shop')
    with flow as running:
        address = f'http://127.0.0.1:{running.ports["http"]}'
        for number in range(40):  # each with a connection of its own: both gateways get some
            title = 'secret words' if number % 4 == 0 else 'hat'
            httpx.post(f'{address}/sell', json={'data': [{'title': title}]}, timeout=30)
        told = [_asked(address) for _ in range(8)]
    assert {state.requests for state, _ in told} == {40}
    assert {state.failed for state, _ in told} == {10}
    assert {len(requests.failed) for _, requests in told} == {10}


def _asked(address: str) -> tuple[State, Requests]:
    """What whichever gateway says, when all of them have written what they keep."""
    with httpx.Client(base_url=address, timeout=30) as client:
        for _ in range(1000):  # each writes once a second
            state = msgspec.json.decode(client.get('/dashboard/state').content, type=State)
            told = msgspec.json.decode(client.get('/dashboard/requests').content, type=Requests)
            if len(told.failed) == state.failed == 10:
                break
        return state, told
