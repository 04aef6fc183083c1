"""What goes wrong is a true status and a problem that says where and what to do, and no more than that."""

import asyncio

import pytest


async def problem(reply, status):
    assert reply.status_code == status, reply.text
    assert reply.headers['content-type'] == 'application/problem+json'
    found = reply.json()
    assert found['status'] == status
    assert found['request_id'] == reply.headers['x-request-id']
    return found


@pytest.mark.parametrize(
    ('content', 'status', 'words'),
    [
        (b'{"data": [', 400, 'line 1, column 11'),
        (b'{"data": [{"title": 1}]}', 422, '$.data[0].title'),
        (b'{"data": [{"price": 1}]}', 422, 'title'),
        (b'{"data": [{"title": "a", "vector": [1, 2]}]}', 422, '$.data[0].vector'),
        (b'{"dta": []}', 422, 'dta'),
    ],
)
async def test_a_bad_body_is_told_where(gateway, content, status, words):
    found = await problem(await gateway.client.post('/index', content=content), status)
    assert words in found['detail']
    assert gateway.shop.seen == []


async def test_an_unknown_path(gateway):
    found = await problem(await gateway.client.post('/indx', json={}), 404)
    assert 'did you mean /index?' in found['help']


async def test_an_unknown_endpoint(gateway):
    found = await problem(await gateway.client.post('/post', json={'execEndpoint': '/indx'}), 404)
    assert "'/index'" in found['help']


async def test_an_unknown_endpoint_is_told_before_what_is_wrong_with_documents(gateway):
    asked = {'execEndpoint': '/indx', 'data': [{'scor': 1, 'text': 2}]}
    found = await problem(await gateway.client.post('/post', json=asked), 404)
    assert "did you mean '/index'?" in found['help']


async def test_a_wrong_method(gateway):
    reply = await gateway.client.get('/index')
    await problem(reply, 405)
    assert reply.headers['allow'] == 'OPTIONS, POST'


@pytest.mark.parametrize('kind', ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp'])
async def test_a_wrong_content_type(gateway, kind):
    found = await problem(
        await gateway.client.post('/index', content=b'{}', headers={'content-type': kind}), 415
    )
    assert kind in found['detail']


@pytest.mark.parametrize(
    'kind', ['application/json; charset=utf-8', 'Application/JSON', 'application/x+json']
)
async def test_every_kind_of_json_is_taken(gateway, kind):
    reply = await gateway.client.post('/index', content=b'{}', headers={'content-type': kind})
    assert reply.status_code == 200


async def test_an_encoded_body(gateway):
    reply = await gateway.client.post('/index', content=b'x', headers={'content-encoding': 'lzma'})
    await problem(reply, 415)


async def test_a_failing_executor_is_a_500_without_paths(gateway):
    found = await problem(await gateway.client.post('/fail', json={}), 500)
    assert found['executor'] == 'shop'
    assert found['endpoint'] == '/fail'
    assert '/srv' not in str(found)
    assert 'traceback' not in found


async def test_in_development_it_comes_with_its_traceback(open_gateway):
    gateway = await open_gateway(development=True)
    found = await problem(await gateway.client.post('/fail', json={}), 500)
    assert 'line 3, in fail' in found['traceback']


async def test_a_fault_of_ours_is_a_500_that_tells_nothing(gateway):
    found = await problem(await gateway.client.post('/crash', json={}), 500)
    assert 'secret' not in str(found)


async def test_a_full_queue(gateway):
    reply = await gateway.client.post('/full', json={})
    await problem(reply, 429)
    assert reply.headers['retry-after'] == '7'


async def test_an_executor_that_is_away(gateway):
    reply = await gateway.client.post('/away', json={})
    await problem(reply, 503)
    assert reply.headers['retry-after'] == '1'


async def test_the_deadline_of_the_client(gateway):
    reply = await gateway.client.post('/wait', json={}, headers={'X-Headrace-Timeout-S': '0.05'})
    found = await problem(reply, 504)
    assert found['detail'] == "no answer from '/wait' in time"
    assert gateway.shop.seen[0].cancelled
    await asyncio.wait_for(gateway.shop.cancelled.wait(), 5)


async def test_the_deadline_of_the_gateway(open_gateway):
    gateway = await open_gateway(timeout_s=0.05)
    await problem(await gateway.client.post('/wait', json={}), 504)


async def test_the_deadline_reaches_the_executors(gateway):
    await gateway.client.post('/echo', json={}, headers={'X-Headrace-Timeout-S': '30'})
    await gateway.client.post('/echo', json={})
    given, default = (context.left_s() for context in gateway.shop.seen)
    assert 0 < given <= 30 < default <= 120


@pytest.mark.parametrize('text', ['0', '-1', 'soon', 'nan', 'inf', '1e9', ''])
async def test_a_timeout_that_is_none(gateway, text):
    reply = await gateway.client.post('/echo', json={}, headers={'X-Headrace-Timeout-S': text})
    await problem(reply, 400)


async def test_a_gateway_without_a_deadline(open_gateway):
    gateway = await open_gateway(timeout_s=None)
    await gateway.client.post('/echo', json={})
    assert gateway.shop.seen[0].deadline is None
