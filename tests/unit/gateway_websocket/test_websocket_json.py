"""The subprotocol headrace.json.v1, from a client that knows nothing of Headrace."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest


async def test_a_request_and_its_reply(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    reply = await socket.ask(id='a', endpoint='/index', data=[{'id': '1', 'title': 'red hat'}])
    assert reply == {
        'type': 'reply',
        'id': 'a',
        'data': [{'id': '1', 'title': 'Red Hat', 'price': 0.0}],
        'parameters': {},
    }


async def test_parts_and_their_end(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial('/words')
    await socket.say(id=4, data={'title': 'big red hat'}, stream=True)
    heard = [await socket.hear() for _ in range(4)]
    assert [each['type'] for each in heard] == ['item', 'item', 'item', 'end']
    assert [each['data'][0]['title'] for each in heard[:3]] == ['big', 'red', 'hat']
    assert all(each['id'] == 4 for each in heard)


async def test_an_error_in_the_middle(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await socket.say(id='b', endpoint='/breaks', data=[{'title': ''}], stream=True)
    assert (await socket.hear())['type'] == 'item'
    told = await socket.hear()
    assert told['type'] == 'error'
    assert told['error']['status'] == 500
    assert told['error']['executor'] == 'shop'


async def test_replies_come_as_they_are_ready(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await socket.say(id='slow', endpoint='/wait')
    assert (await socket.ask(id='fast', endpoint='/echo'))['id'] == 'fast'
    gateway.shop.release.set()
    assert (await socket.hear())['id'] == 'slow'


async def test_or_in_the_order_of_the_requests(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial('/?order=requests')
    await socket.say(id=1, endpoint='/wait')
    await socket.say(id=2, endpoint='/words', data=[{'title': 'a b'}], stream=True)
    await socket.say(id=3, endpoint='/wait')
    await socket.say(type='cancel', id=3)
    await socket.say(id=4, endpoint='/nowhere', data=[{'title': 1}])
    await socket.say(id=5, endpoint='/echo')
    await asyncio.wait_for(gateway.shop.started.wait(), 30)
    gateway.shop.release.set()
    heard = [await socket.hear() for _ in range(6)]
    assert [each['id'] for each in heard] == [1, 2, 2, 2, 4, 5]


async def test_a_withdrawn_request(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await socket.say(id='w', endpoint='/wait')
    await asyncio.wait_for(gateway.shop.started.wait(), 30)
    await socket.say(type='cancel', id='w')
    await asyncio.wait_for(gateway.shop.cancelled.wait(), 30)
    assert (await socket.ask(id='n', endpoint='/echo'))['id'] == 'n'


async def test_a_withdrawn_stream_ends_its_generator(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await socket.say(id='e', endpoint='/endless', data=[{'title': ''}], stream=True)
    assert (await socket.hear())['type'] == 'item'
    await socket.say(type='cancel', id='e')
    await asyncio.wait_for(gateway.shop.left.wait(), 30)


async def test_the_end(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await socket.say(id='w', endpoint='/wait')
    await socket.say(type='end')
    gateway.shop.release.set()
    assert (await socket.hear())['id'] == 'w'
    assert await socket.closed() == (1000, '')


async def test_the_end_without_a_request(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await socket.say(type='end')
    assert await socket.closed() == (1000, '')


async def test_ping_of_a_browser(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    assert await socket.ask(type='ping', id='p') == {'type': 'pong', 'id': 'p'}
    assert await socket.ask(type='ping') == {'type': 'pong'}


async def test_ping_frames_are_answered(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    await asyncio.wait_for(await socket.raw.ping(b'there?'), 30)


async def test_without_an_id_one_is_made(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    reply = await socket.ask(endpoint='/echo')
    assert reply['id'] == gateway.shop.seen[0].request_id


async def test_what_goes_with_a_request(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await socket.ask(
        id='r', endpoint='/echo', target='sh.*', timeout_s=5, traceparent=trace, parameters={'a': 1}
    )
    (context,) = gateway.shop.seen
    assert (context.request_id, context.target, context.trace) == ('r', 'sh.*', trace)
    assert 4 < (context.left_s() or 0) <= 5


async def test_its_time_is_over(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    told = await socket.ask(id='t', endpoint='/wait', timeout_s=1)
    assert told['error']['status'] == 504
    assert gateway.shop.cancelled.is_set()


MISTAKES = {
    'no JSON': ('{', 400),
    'no object': ('[]', 422),
    'an unknown key': ('{"id": 1, "endpiont": "/index"}', 422),
    'an unknown type': ('{"type": "order"}', 422),
    'a wrong id': ('{"id": [1]}', 422),
    'an id that is too large': ('{"id": 99999999999999999999}', 422),
    'no time': ('{"timeout_s": -1}', 400),
    'documents that do not fit': ('{"id": 1, "endpoint": "/index", "data": [{"title": 3}]}', 422),
    'too deep': ('{"parameters": {"a": ' + '[' * 2000 + ']' * 2000 + '}}', 400),
}


@pytest.mark.parametrize('mistake', MISTAKES)
async def test_mistakes_leave_the_connection_open(gateway: SimpleNamespace, mistake: str) -> None:
    socket = await gateway.dial()
    text, status = MISTAKES[mistake]
    await socket.raw.send(text)
    told = await socket.hear()
    assert (told['type'], told['error']['status']) == ('error', status)
    assert (await socket.ask(id='n', endpoint='/echo'))['type'] == 'reply'


async def test_the_key_that_was_meant(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    told = await socket.ask(endpiont='/index')
    assert "'endpoint'" in told['error']['help']


async def test_a_fault_tells_nothing(gateway: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    socket = await gateway.dial()
    told = await socket.ask(id='c', endpoint='/crash')
    assert told['error']['status'] == 500
    assert 'secret' not in json.dumps(told)
    assert 'secret' in caplog.text


async def test_when_to_come_again(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial()
    told = await socket.ask(id='c', endpoint='/full')
    assert (told['error']['status'], told['error']['retry_after_s']) == (429, 7)


async def test_arrays_as_the_url_says(gateway: SimpleNamespace) -> None:
    socket = await gateway.dial('/?arrays=base64')
    reply = await socket.ask(endpoint='/echo', data=[{'tensor': [1.0, 2.0]}])
    assert reply['data'][0]['tensor']['dtype'] == '<f8'
