"""Which client somebody is counted for: of IPv6 all addresses of one network are one."""

from __future__ import annotations

import pytest

from headrace.errors import Overloaded, RateLimited
from headrace.gateway.entrance import Entrance
from headrace.gateway.http.asgi import Scope
from headrace.gateway.http.reception import Reception
from headrace.gateway.http.request import Request
from headrace.gateway.identity import Credentials
from headrace.gateway.security import keys
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec
from headrace.spec.limits import LimitsSpec
from headrace.spec.security import SecuritySpec
from headrace.wire.hosts import client_of

ONE, OTHER, STRANGER = '2001:db8:0:7::1', '2001:db8:0:7:ffff::9', '2001:db8:0:8::1'


async def echo(batch: Batch, context: Context) -> Batch:
    return batch


def entrance(**spec):
    return Entrance.into(echo, FlowInfo('flow', (), ()), GatewaySpec(**spec))


async def receive():
    return {'type': 'http.request', 'body': b''}


def request(host: str, **headers: str) -> Request:
    scope: Scope = {
        'method': 'GET',
        'path': '/',
        'query_string': b'',
        'client': (host, 1),
        'headers': [(name.replace('_', '-').encode(), value.encode()) for name, value in headers.items()],
    }
    return Request(scope, receive)


@pytest.mark.parametrize(
    ('host', 'client'),
    [
        (ONE, '2001:db8:0:7'),
        (OTHER, '2001:db8:0:7'),
        (STRANGER, '2001:db8:0:8'),
        ('fe80::1%eth0', 'fe80:0:0:0'),
        ('::ffff:10.0.0.7', '10.0.0.7'),
        ('10.0.0.7', '10.0.0.7'),
        ('', ''),
        ('a:b', 'a:b'),
    ],
)
def test_which_client_an_address_is(host, client):
    assert client_of(host) == client


def test_one_network_has_one_rate():
    doors = entrance(limits=LimitsSpec(requests_per_s=0.01, burst=1))
    assert doors.identify(Credentials(ONE)) == (
        '2001:db8:0:7',
        '',
        '',
        ONE,
        doors.identify(Credentials(STRANGER)).scopes,
    )
    with pytest.raises(RateLimited) as caught:
        doors.identify(Credentials(OTHER))
    assert caught.value.host == OTHER  # the log has the address


def test_one_network_has_one_share_of_the_room_and_of_the_streams():
    doors = entrance(max_requests=8, limits=LimitsSpec(streams_per_client=1))
    one, other, stranger = (doors.identify(Credentials(host)).client for host in (ONE, OTHER, STRANGER))
    with doors.limits.stream(one), doors.limits.stream(stranger), pytest.raises(Overloaded):
        doors.limits.stream(other).__enter__()
    tickets = [doors.admission.enter(client) for client in (one, other, one, stranger)]
    assert len(doors.admission.clients) == 2
    with pytest.raises(Overloaded):
        doors.admission.enter(other)
    for ticket in tickets:
        ticket.leave()


def test_anybody_of_one_network_is_one_client(tmp_path):
    keys.write(tmp_path / 'keys.json', keys.KeyFile())
    security = SecuritySpec(keys=str(tmp_path / 'keys.json'), anonymous=('/echo',))
    doors = entrance(security=security)
    identities = [doors.identify(Credentials(host)) for host in (ONE, OTHER)]
    assert [(each.client, each.host) for each in identities] == [
        ('2001:db8:0:7', ONE),
        ('2001:db8:0:7', OTHER),
    ]
    doors.close()


def test_http_counts_networks_also_where_nobody_is_asked_who_calls():
    assert [request(host).client for host in (ONE, OTHER, '10.0.0.7')] == ['2001:db8:0:7'] * 2 + ['10.0.0.7']
    assert request(ONE).host == ONE


def test_http_counts_networks_of_those_whom_a_proxy_names():
    reception = Reception(entrance(trusted_proxies=('10.0.0.0/8',)))
    asked = request('10.0.0.7', x_forwarded_for=OTHER)
    reception.locate(asked)
    assert (asked.client, asked.host) == ('2001:db8:0:7', OTHER)
