"""Connections of one client are counted together, and those of proxies and of this machine not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from headrace.errors import Overloaded
from headrace.gateway.arrivals import SPARE, Arrivals
from headrace.spec import GatewaySpec
from headrace.spec.limits import LimitsSpec
from headrace.spec.security import SecuritySpec

SECURED = SecuritySpec(keys='keys.json')


class Transport:
    def __init__(self, host: str) -> None:
        self.host = host

    def get_extra_info(self, name: str) -> Any:
        return (self.host, 1)


def arrived(arrivals: Arrivals, *hosts: str) -> list[bool]:
    """Whether there is room for each."""
    return [arrivals.refusal(host) is None for host in hosts]


def made(connections: int = 20, per_host: int | None = None, **spec: Any) -> Arrivals:
    limits = LimitsSpec(connections=connections, connections_per_host=per_host)
    return Arrivals(GatewaySpec(limits=limits, **spec), [])


def test_where_callers_show_who_they_are_one_address_has_a_tenth():
    arrivals = made(security=SECURED)
    assert arrived(arrivals, *['203.0.113.7'] * 3, '203.0.113.8') == [True, True, False, True]
    error = arrivals.refusal('203.0.113.7')
    assert isinstance(error, Overloaded)
    assert 'there are 2 connections from this address' in error.message
    assert GatewaySpec(security=SECURED).most_per_host == 1000
    assert GatewaySpec().most_per_host is None


def test_where_nobody_is_asked_an_address_may_have_all():
    assert all(arrived(made(), *['203.0.113.7'] * 20))


def test_one_network_of_ipv6_is_one_address():
    arrivals = made(security=SECURED)
    hosts = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1']
    assert arrived(arrivals, *hosts) == [True, True, False, True]
    arrivals.leave('2001:db8::9')
    arrivals.leave('2001:db8::9')
    assert arrived(arrivals, '2001:db8::4', '2001:db8::5') == [True, False]


@pytest.mark.parametrize('host', ['127.0.0.1', '::1', ''])
def test_programs_of_this_machine_are_counted_only_where_the_settings_say_so(host):
    assert all(arrived(made(security=SECURED), *[host] * 9))
    assert arrived(made(per_host=1), host, host) == [True, False]


@pytest.mark.parametrize('per_host', [None, 1])
def test_a_proxy_that_is_trusted_stands_for_many(per_host):
    arrivals = made(per_host=per_host, security=SECURED, trusted_proxies=('10.0.0.0/8',))
    assert all(arrived(arrivals, *['10.0.0.7'] * 9))
    assert not all(arrived(arrivals, *['11.0.0.7'] * 9))


def test_those_that_are_refused_take_no_room_of_others_and_few_of_them_stay():
    there: list[str] = []
    limits = LimitsSpec(connections=3, connections_per_host=1)
    arrivals = Arrivals(GatewaySpec(limits=limits), there)

    def comes(host: str) -> bool:
        there.append(host)
        return arrivals.refusal(host) is None

    assert [comes('203.0.113.7') for _ in range(1 + SPARE)] == [True] + [False] * SPARE
    assert arrivals.has_spare
    assert [comes(f'203.0.113.{last}') for last in (8, 9, 10)] == [True, True, False]
    assert not arrivals.has_spare
    there.remove('203.0.113.7')
    arrivals.leave('203.0.113.7', is_refused=True)
    assert arrivals.has_spare


def test_a_recount_knows_who_is_here():
    there = [SimpleNamespace(transport=Transport(host)) for host in ('203.0.113.7', '127.0.0.1')]
    arrivals = Arrivals(GatewaySpec(limits=LimitsSpec(connections=20), security=SECURED), there)
    arrived(arrivals, *['203.0.113.7'] * 5)
    arrivals.recount()
    assert arrived(arrivals, '203.0.113.7', '203.0.113.7') == [True, False]
