"""Who may come in: scopes, pages, anonymous callers, throttled hosts, and keys that change."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.documents import Document
from headrace.documents.schema import schema_of
from headrace.errors import EndpointNotFound, Forbidden, RateLimited, Unauthenticated
from headrace.gateway.entrance import Entrance
from headrace.gateway.identity import Credentials, Identity
from headrace.gateway.security import keys
from headrace.gateway.security.brake import HOSTS, Brake
from headrace.gateway.security.guard import Guard
from headrace.gateway.security.scopes import Scopes
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo, FlowInfo
from headrace.spec import GatewaySpec
from headrace.spec.security import SecuritySpec

SCHEMA = schema_of(Document)
SEARCH = EndpointInfo('/search', 'docs', SCHEMA, SCHEMA)
INDEX = EndpointInfo('/index', 'docs', SCHEMA, SCHEMA)
INFO = FlowInfo(
    'shop', (ExecutorInfo('encoder', (SEARCH, INDEX)), ExecutorInfo('index', (INDEX,))), (SEARCH, INDEX)
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path):
    keys.write(tmp_path / 'keys.json', keys.KeyFile())
    return tmp_path / 'keys.json'


def shows(key: str, host: str = '10.0.0.1', header: str = 'authorization') -> Credentials:
    return Credentials(host, {header: f'Bearer {key}' if header == 'authorization' else key})


def made(file, **settings) -> str:
    shown, kept = keys.new_key(f'key{len(keys.read(file).keys)}', **settings)
    keys.add(file, kept)
    return shown


@pytest.mark.parametrize('header', ['authorization', 'x-api-key'])
def test_a_key_names_who_calls(file, header):
    guard = Guard(SecuritySpec(keys=str(file)), INFO)
    shown = made(file)
    identity = guard.identify(shows(shown, header=header))
    assert (identity.name, identity.kind, identity.client, identity.host) == (
        *('key0', 'key', 'key:key0'),
        '10.0.0.1',
    )
    assert guard.identify(Credentials('h', {'authorization': f'bearer  {shown}'})).name == 'key0'


@pytest.mark.parametrize(
    'headers',
    [
        {},
        {'authorization': ''},
        {'authorization': 'Basic dXNlcjpwYXNz'},
        {'authorization': 'Bearer'},
        {'authorization': 'Bearer hr__'},
        {'x-api-key': 'hr_0_'},
        {'x-api-key': 'é' * 40},
        {'x-api-key': 'hr_' + 'x' * 5000},
    ],
)
def test_who_shows_no_key_is_nobody(file, headers):
    guard = Guard(SecuritySpec(keys=str(file)), INFO)
    with pytest.raises(Unauthenticated) as caught:
        guard.identify(Credentials('10.0.0.1', headers))
    assert caught.value.host == '10.0.0.1'
    assert all(value not in str(caught.value) for value in headers.values() if len(value) > 8)


def test_keys_end_when_their_time_is_over_or_the_file_is_gone(file):
    guard = Guard(SecuritySpec(keys=str(file)), INFO)
    late, good = made(file, expires=time.time() - 1), made(file)
    with pytest.raises(Unauthenticated, match='has expired'):
        guard.identify(shows(late))
    assert guard.identify(shows(good)).name == 'key1'
    before = file.read_bytes()
    file.write_text('{"keys": [')  # damaged: what was there counts
    assert guard.identify(shows(good)).name == 'key1'
    file.unlink()
    with pytest.raises(Unauthenticated):
        guard.identify(shows(good))
    file.write_bytes(before)
    assert guard.identify(shows(good)).name == 'key1'


def test_scopes_of_endpoints_and_executors(file):
    guard = Guard(SecuritySpec(keys=str(file)), INFO)
    search = guard.identify(shows(made(file, scopes=('/search', '/admin/*'))))
    guard.permit(search, '/search', '')
    with pytest.raises(EndpointNotFound):  # they may, but there is none
        guard.permit(search, '/admin/keys', '')
    for endpoint in ('/index', '/searching', '/search/', '/admin', '', '/SEARCH', '/search\n'):
        with pytest.raises(Forbidden):
            guard.permit(search, endpoint, '')
    encoder = guard.identify(shows(made(file, executors=('enc*',))))
    guard.permit(encoder, '/search', '')  # only the encoder serves it
    guard.permit(encoder, '/index', 'encoder')
    for target in ('', 'index', 'encoder|index', '.*'):
        with pytest.raises(Forbidden, match="executor 'index'"):
            guard.permit(encoder, '/index', target)


def test_pages_are_for_everybody_who_is_known(file):
    guard = Guard(SecuritySpec(keys=str(file), anonymous=('/docs', '/search')), INFO)
    known = guard.identify(shows(made(file, scopes=('/index',))))
    guard.permit_page(known, '/status')
    nobody = guard.identify(Credentials('10.0.0.1'))
    guard.permit_page(nobody, '/docs')
    guard.permit(nobody, '/search', '')
    for refused in (guard.permit_page, lambda who, path: guard.permit(who, path, '')):
        with pytest.raises(Unauthenticated):
            refused(nobody, '/status')
    with pytest.raises(Unauthenticated):  # what is shown has to be good, also where nothing need be
        guard.identify(shows('hr_1_2'))


def test_a_host_that_fails_too_often_waits_and_good_keys_pass(file):
    guard = Guard(SecuritySpec(keys=str(file), failures_per_minute=3), INFO)
    good = made(file)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            guard.identify(shows('hr_1_2'))
    with pytest.raises(RateLimited) as caught:
        guard.identify(shows('hr_1_2'))
    assert caught.value.retry_after_s >= 1
    assert caught.value.host == '10.0.0.1'
    assert guard.identify(shows(good)).name == 'key0'  # others may share the address
    with pytest.raises(Unauthenticated):
        guard.identify(shows('hr_1_2', host='10.0.0.2'))


def test_a_brake_is_let_go_with_time_and_remembers_only_so_many():
    clock = Clock()
    brake = Brake(60, clock=clock)
    assert [brake.failed('a') for _ in range(60)] == [0.0] * 60
    assert brake.failed('a') == pytest.approx(1)
    assert brake.wait_s('a') == pytest.approx(1)
    clock.now += 1
    assert (brake.wait_s('a'), brake.failed('a')) == (0, 0)
    for number in range(HOSTS + 100):
        brake.failed(f'host {number}')
    assert len(brake._levels) == HOSTS
    for number in range(60):
        brake.failed(f'2001:db8:1:2:{number:x}::1')
    assert brake.failed('2001:db8:1:2:ffff::1') > 0
    assert brake.failed('2001:db8:1:3::1') == 0


def test_the_owner_may_everything(file):
    shown, kept = keys.new_key('owner')
    guard = Guard(SecuritySpec(keys=str(file)), INFO, kept)
    owner = guard.identify(shows(shown))
    guard.permit(owner, '/index', '')
    with pytest.raises(Unauthenticated):
        guard.identify(shows(f'hr_{kept.id}_wrong'))


@given(st.lists(st.text(max_size=8), max_size=4), st.text(max_size=8))
def test_scopes_without_stars_are_the_names_themselves(names, endpoint):
    names = [name.replace('*', '') for name in names]
    assert Scopes(names).allows(endpoint) == (endpoint in names)
    assert Scopes([*names, '*']).allows(endpoint)


def test_nothing_that_is_shown_is_ever_printed(file):
    shown = made(file)
    guard = Guard(SecuritySpec(keys=str(file)), INFO)
    secret = keys.split(shown)[1]
    for text in map(repr, (shows(shown), guard, guard.identify(shows(shown)), SecuritySpec(keys=str(file)))):
        assert secret not in text


async def test_where_nothing_is_set_everybody_comes_in():
    async def handler(batch, context):
        return batch

    entrance = Entrance.into(handler, INFO, GatewaySpec())
    assert entrance.is_open
    assert entrance.identify(Credentials('10.0.0.1')) == Identity('10.0.0.1', host='10.0.0.1')
    entrance.permit(Identity('10.0.0.1'), '/anything')
    entrance.close()


def test_hosts_of_the_old_kind_on_a_socket_for_both_do_not_share_a_brake():
    brake = Brake(1, clock=Clock())
    assert not brake.failed('::ffff:10.0.0.7')
    assert brake.failed('::ffff:10.0.0.7')
    assert not brake.failed('::ffff:10.0.0.8')
    assert not brake.failed('::1')
    assert brake.failed('10.0.0.7')
    assert not brake.failed('2001:db8::1:2:3:4:5')
    assert brake.failed('2001:db8:0:1:ff::1')
    assert not brake.failed('2001:db8:0:2::1')


@pytest.mark.parametrize(
    ('scopes', 'endpoint', 'target', 'help'),
    [
        (('*',), '/serach', '', "did you mean '/search'? the endpoints are: /index, /search"),
        (('/s*',), '/serach', '', "did you mean '/search'? the endpoints are: /search"),
        (('/serach',), '/serach', '', ''),
        (('*',), '/search', '^index$', 'the endpoints are: /index'),
        (('/search',), '/search', '^index$', ''),
    ],
)
def test_who_asks_for_an_endpoint_that_there_is_not_learns_only_of_those_that_are_for_them(
    file, scopes, endpoint, target, help
):
    guard = Guard(SecuritySpec(keys=str(file)), INFO)
    identity = guard.identify(shows(made(file, scopes=scopes)))
    with pytest.raises(EndpointNotFound) as caught:
        guard.permit(identity, endpoint, target)
    assert (caught.value.message, caught.value.help) == (f'no executor serves {endpoint!r}', help)


def test_an_endpoint_that_there_is_may_be_called_also_with_a_target(file):
    guard = Guard(SecuritySpec(keys=str(file)), INFO)
    identity = guard.identify(shows(made(file)))
    guard.permit(identity, '/index', '^index$')
    guard.permit(identity, '/search', 'nobody')  # the Flow says that there is no such executor


def test_who_shows_nothing_is_told_how_to_from_python_as_well(file):
    with pytest.raises(Unauthenticated) as caught:
        Guard(SecuritySpec(keys=str(file)), INFO).identify(Credentials('127.0.0.1', {}))
    assert 'Client(..., api_key=KEY)' in caught.value.help
