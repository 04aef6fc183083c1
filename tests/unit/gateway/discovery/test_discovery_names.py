"""A name that is asked again and again: what it answers, and what it does not."""

import asyncio
import logging
import socket
import threading
from contextlib import aclosing
from itertools import count

from waiting import until

from headrace.gateway.discovery.lookups import MOST_ASKED
from headrace.gateway.discovery.names import Names, resolved

SOON_S = 0.01


class Resolver:
    """Answers as it is told to; each answer is waited for by who wants to know that it was given."""

    def __init__(self, *hosts):
        self.answer = list(hosts)
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, name, port):
        self.asked += 1
        self.may_answer.wait(20)
        if isinstance(self.answer, Exception):
            raise self.answer
        return list(self.answer)

    async def asked_again(self, times=2):
        goal = self.asked + times
        await until(lambda: self.asked >= goal)


def names(resolver, **options):
    return aclosing(aiter(Names('enc', 9090, resolve=resolver, ask_every_s=SOON_S, **options)))


async def soon(found):
    async with asyncio.timeout(20):
        return list(await anext(found))


async def test_addresses_that_come_and_go():
    resolver = Resolver('10.0.0.2', '10.0.0.1')
    async with names(resolver) as found:
        assert await soon(found) == ['tcp:10.0.0.1:9090', 'tcp:10.0.0.2:9090']
        resolver.answer = ['10.0.0.2', '10.0.0.3']
        assert await soon(found) == ['tcp:10.0.0.2:9090', 'tcp:10.0.0.3:9090']


async def test_the_same_in_another_order_is_no_news():
    resolver = Resolver('10.0.0.1', '10.0.0.2')
    async with names(resolver) as found:
        await soon(found)
        waiting = asyncio.ensure_future(anext(found))
        resolver.answer = ['10.0.0.2', '10.0.0.1']
        await resolver.asked_again(3)
        assert not waiting.done()
        resolver.answer = ['10.0.0.9']
        assert list(await waiting) == ['tcp:10.0.0.9:9090']


async def test_a_name_without_an_address_and_one_that_fails_leave_what_is_known(caplog):
    resolver = Resolver('10.0.0.1')
    async with names(resolver) as found:
        await soon(found)
        waiting = asyncio.ensure_future(anext(found))
        for nothing in (
            [],
            socket.gaierror(-2, 'Name or service not known'),
            socket.gaierror(-3, 'Temporary'),
        ):
            resolver.answer = nothing
            await resolver.asked_again(3)
        assert not waiting.done()
        resolver.answer = ['10.0.0.1', '10.0.0.2']
        assert len(await waiting) == 2
    told = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 2  # each trouble once, however often it was asked
    assert 'Name or service not known' in told[0]


async def test_a_name_that_stays_unknown_is_told_again_with_what_was_tried(caplog):
    resolver = Resolver()
    resolver.answer = socket.gaierror(-2, 'Name or service not known')
    source = Names('enc', 9090, resolve=resolver, ask_every_s=SOON_S, again_s=SOON_S)
    async with aclosing(aiter(source)) as found:
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: caplog.text.count('dns:enc:9090: enc cannot be resolved: Name or') >= 3)
        assert 'Name or service not known' in source.trouble
        resolver.answer = ['10.0.0.1']
        await waiting
        assert source.trouble == ''


async def test_a_resolver_that_hangs_holds_up_nobody_and_its_late_answer_counts(caplog):
    resolver = Resolver('10.0.0.1')
    resolver.may_answer.clear()
    async with names(resolver, answer_s=SOON_S, hung_s=60) as found:
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: 'no answer after' in caplog.text)
        async with asyncio.timeout(20):
            await asyncio.to_thread(lambda: None)  # the threads of others are free
        assert resolver.asked == 1
        resolver.may_answer.set()
        assert list(await waiting) == ['tcp:10.0.0.1:9090']


async def test_while_an_answer_does_not_come_it_is_asked_again():
    """As when a server of names is back, of which the system still waits for an answer to what it asked."""
    hangs, calls = threading.Event(), count()

    def resolve(name, port):
        if next(calls) == 0:
            hangs.wait(60)
            return ['10.0.0.9']  # where it was when it was asked
        return ['10.0.0.1']

    async with names(resolve, hung_s=SOON_S) as found:
        try:
            assert await soon(found) == ['tcp:10.0.0.1:9090']
            news = asyncio.ensure_future(anext(found))
        finally:
            hangs.set()
        await asyncio.sleep(20 * SOON_S)  # what was asked before is no news
        assert not news.done()
        news.cancel()
        await asyncio.gather(news, return_exceptions=True)


async def test_questions_that_are_never_answered_are_bounded():
    resolver = Resolver('10.0.0.1')
    resolver.may_answer.clear()
    async with names(resolver, hung_s=SOON_S) as found:
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: resolver.asked == MOST_ASKED)
        await asyncio.sleep(20 * SOON_S)
        assert resolver.asked == MOST_ASKED
        resolver.may_answer.set()
        assert list(await waiting) == ['tcp:10.0.0.1:9090']


async def test_addresses_of_ipv6_and_with_certificates():
    resolver = Resolver('fd00::2')
    async with aclosing(aiter(Names('enc', 9090, 'tcp+tls', resolve=resolver))) as found:
        assert await soon(found) == ['tcp+tls:[fd00::2]:9090']


def test_the_system_is_asked():
    assert '127.0.0.1' in resolved('localhost', 9090)
    assert resolved('::1', 1) == ['::1']
