"""A dashboard on a port of its own: there and nowhere else, for whom the gateway lets in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from waiting import wait_until

from headrace import DocumentArray, Executor, Flow, requests
from headrace.cli import main
from headrace.cli.serving import addresses
from headrace.errors import SpecError, StartError
from headrace.gateway.security import keys

OWN = {'dashboard': {'port': 0}}


class Upper(Executor):
    @requests(on='/upper')
    def upper(self, docs: DocumentArray, **kwargs: Any) -> None:
        docs.text = [text.upper() for text in docs.text]


def at(flow: Flow, port: str) -> str:
    return f'http://127.0.0.1:{flow.ports[port]}'


def got(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, timeout=30, trust_env=False)


@pytest.fixture(scope='module')
def shop() -> Iterator[Flow]:
    flow = Flow(name='own-port', observe=OWN, protocol=['http', 'grpc']).config_gateway(replicas=2)
    with flow.add(uses=Upper, name='upper') as running:
        yield running


def test_the_page_is_there_and_not_at_the_gateway(shop: Flow) -> None:
    page = got(f'{at(shop, "dashboard")}/dashboard')
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers['content-security-policy']
    assert got(f'{at(shop, "dashboard")}/dashboard/main.js').status_code == 200
    assert got(f'{at(shop, "http")}/dashboard').status_code == 404
    assert got(f'{at(shop, "http")}/dashboard/state').status_code == 404
    first = got(f'{at(shop, "dashboard")}/')
    assert (first.status_code, first.headers['location']) == (307, 'dashboard')


def test_it_shows_what_comes_in_elsewhere_and_lets_nobody_call(shop: Flow) -> None:
    assert got(f'{at(shop, "http")}/health').status_code == 200
    before = got(f'{at(shop, "dashboard")}/dashboard/state').json()['requests']
    shop.post('/upper', DocumentArray.empty(1))

    def state() -> Any:
        return got(f'{at(shop, "dashboard")}/dashboard/state').json()

    wait_until(lambda: state()['requests'] == before + 1)  # what another gateway has counted comes later
    told = state()
    assert (told['name'], told['status']) == ('own-port', 'ready')
    assert got(f'{at(shop, "dashboard")}/dashboard/flow').json()['tries'] is False
    call = httpx.post(f'{at(shop, "dashboard")}/upper', json={'data': []}, trust_env=False)
    assert call.status_code == 404
    for path in ('/health', '/ready', '/metrics', '/favicon.ico'):
        assert got(f'{at(shop, "dashboard")}{path}').status_code == 200


def test_names_that_were_lent_see_nothing(shop: Flow) -> None:
    assert got(f'{at(shop, "dashboard")}/dashboard/state', host='evil.example').status_code == 403


def test_programs_and_people_find_it(shop: Flow) -> None:
    status = CliRunner().invoke(main, ['status', '--flow', 'own-port', '--json'])
    assert json.loads(status.stdout)['address'] == at(shop, 'dashboard')
    top = CliRunner().invoke(main, ['top', '--flow', 'own-port', '--once', '--every-s', '0.1'])
    assert 'own-port is ready' in top.stdout
    told = [line for line in addresses(shop) if 'dashboard' in line]
    assert told == [f'dashboard: {at(shop, "dashboard")}/dashboard']


def test_a_flow_without_an_http_port_has_one_too() -> None:
    flow = Flow(name='only-grpc', observe=OWN, protocol='grpc').add(uses=Upper, name='upper')
    with flow as running:
        running.post('/upper', DocumentArray.empty(1))
        told = got(f'{at(running, "dashboard")}/dashboard/state').json()
    assert [door['protocol'] for door in told['doors']] == ['grpc']


def test_it_asks_for_keys_as_the_gateway_does(tmp_path: Path) -> None:
    shown, kept = keys.new_key('some')
    keys.write(tmp_path / 'keys.json', keys.KeyFile((kept,)))
    flow = Flow(observe=OWN, protocol='http').config_gateway(security={'keys': str(tmp_path / 'keys.json')})
    with flow.add(uses=Upper, name='upper') as running:
        state = f'{at(running, "dashboard")}/dashboard/state'
        assert got(f'{at(running, "dashboard")}/dashboard').status_code == 200  # nothing of the Flow is in it
        assert got(state).status_code == 401
        assert got(state, authorization=f'Bearer {shown}').status_code == 200


def test_elsewhere_somebody_has_to_say_who_may_look() -> None:
    flow = Flow(observe={'dashboard': {'port': 0, 'host': '0.0.0.0'}}, protocol='http')
    with pytest.raises(SpecError, match='observe.dashboard.host: at 0.0.0.0 everybody'):
        flow.add(uses=Upper, name='upper').start()


def test_a_port_of_somebody_else(shop: Flow) -> None:
    taken = {'dashboard': {'port': shop.ports['http']}}
    with pytest.raises(StartError, match='for dashboard'):
        Flow(observe=taken, protocol='http').add(uses=Upper, name='upper').start()
