"""The description of a gateway: valid, read by generators of clients, and kept by the gateway itself."""

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator

import pytest
import schemathesis
from openapi_python_client import Config, MetaType, generate
from openapi_python_client.config import ConfigFile
from openapi_spec_validator import validate

from headrace import BaseDoc, DocList, DocumentArray, Executor, NdArray, requests
from headrace.spec import ExposedEndpoint
from headrace.spec.security import SecuritySpec

BODY = 'multipart/form-data'


class Item(BaseDoc):
    title: str
    price: float = 0.0
    photo: bytes = b''
    vector: NdArray[3] | None = None


class Shop(Executor):
    @requests(on='/index')
    def index(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
        """Put items into the shop."""
        return docs

    @requests(on='/say')
    async def say(self, doc: Item, **kwargs) -> AsyncIterator[Item]:
        """Say it."""
        yield doc

    @requests(on='/any')
    def anything(self, docs: DocumentArray, parameters: dict, **kwargs):
        pass


EXPOSED = ExposedEndpoint(
    endpoint='/index', path='/v1/items', methods=('GET', 'PUT'), summary='Items', tags=('shop',)
)


@pytest.fixture
async def shop(open_flow):
    return await open_flow(Shop, expose=(EXPOSED,))


async def described(gateway):
    found = (await gateway.client.get('/openapi.json')).json()
    validate(found)
    return found


async def test_what_an_endpoint_takes(shop):
    content = (await described(shop))['paths']['/index']['post']['requestBody']['content']
    assert set(content) == {'application/json', BODY, 'application/vnd.apache.arrow.stream'}
    form = content[BODY]['schema']['properties']
    assert form['photo'] == {'type': 'string', 'format': 'binary'}
    assert form['title'] == {'type': 'string'}
    assert {'data', 'parameters'} <= set(form)


async def test_a_file_of_any_name_where_a_document_has_a_place_for_it(shop):
    content = (await described(shop))['paths']['/any']['post']['requestBody']['content']
    form = content[BODY]['schema']['properties']
    assert form['file']['items'] == {'type': 'string', 'format': 'binary'}
    assert form['text']['type'] == 'string'


async def test_parts_are_described_where_an_endpoint_makes_them(shop):
    paths = (await described(shop))['paths']
    assert 'text/event-stream' in paths['/say']['post']['responses']['200']['content']
    get = paths['/say']['get']
    assert set(get['responses']['200']['content']) == {'text/event-stream', 'application/x-ndjson'}
    assert {'title', 'price', 'data', 'parameters'} <= {each['name'] for each in get['parameters']}
    assert 'get' not in paths['/index']


async def test_an_exposed_endpoint(shop):
    exposed = (await described(shop))['paths']['/v1/items']
    assert (exposed['put']['summary'], exposed['put']['tags']) == ('Items', ['shop'])
    assert 'title' in {each['name'] for each in exposed['get']['parameters']}
    answer = await shop.client.get('/v1/items', params={'title': 'hat', 'price': '2', 'limit': '3'})
    assert answer.json()['data'][0]['price'] == 2
    assert answer.json()['parameters'] == {'limit': 3}
    wrong = await shop.client.get('/v1/items', params={'title': 'hat', 'price': 'much'})
    assert wrong.json()['errors'][0]['path'] == '$.data.price'


async def test_without_security_nothing_is_said_of_it(shop):
    found = await described(shop)
    assert 'securitySchemes' not in found['components']
    assert 'security' not in found['paths']['/index']['post']


async def test_security_is_described(open_flow, tmp_path):
    keys = tmp_path / 'keys.json'
    keys.write_text('{"keys": []}')
    security = SecuritySpec(keys=str(keys), anonymous=('/openapi.json', '/docs'))
    found = await described(await open_flow(Shop, security=security))
    assert set(found['components']['securitySchemes']) == {'bearer', 'key'}
    assert found['paths']['/index']['post']['security'] == [{'bearer': []}, {'key': []}]
    assert found['paths']['/health']['get']['security'][0] == {}


async def test_a_generated_client_works(shop, tmp_path, monkeypatch):
    (tmp_path / 'openapi.json').write_bytes((await shop.client.get('/openapi.json')).content)
    config = Config.from_sources(
        ConfigFile(post_hooks=[]),
        MetaType.NONE,
        document_source=tmp_path / 'openapi.json',
        file_encoding='utf-8',
        overwrite=True,
        output_path=tmp_path / 'shop_client',
    )
    errors = [each for each in generate(config=config) if 'vnd.apache.arrow' not in (each.detail or '')]
    assert errors == []
    monkeypatch.syspath_prepend(tmp_path)
    try:
        found = await asyncio.to_thread(call_generated, f'http://127.0.0.1:{shop.port}')
    finally:
        for name in [name for name in sys.modules if name.startswith('shop_client')]:
            del sys.modules[name]
    assert found == [('hat', 2.0), ('scarf', 0.0)]


def call_generated(url):
    """Use the client that was generated, as its user would."""
    client = importlib.import_module('shop_client').Client(base_url=url)
    models = importlib.import_module('shop_client.models')
    call = importlib.import_module('shop_client.api.flow.post_index')
    body = models.PostIndexJsonBody(data=[models.Item(title='hat', price=2.0), models.Item(title='scarf')])
    with client:
        reply = call.sync(client=client, body=body)
    return [(item.title, item.price) for item in reply.data]


async def test_schemathesis_reads_all_operations(shop):
    schema = schemathesis.openapi.from_dict(await described(shop))
    operations = [each.ok() for each in schema.get_all_operations()]
    assert {f'{each.method.upper()} {each.path}' for each in operations} >= {
        'POST /index',
        'POST /any',
        'GET /say',
        'PUT /v1/items',
        'POST /post',
    }
