"""The `docs` of Jina 3, as its clients ask for it."""

from __future__ import annotations

from graphql_shop import endpoint

from headrace.documents import DocList, Document
from headrace.pipeline import Batch


async def test_documents_both_ways(open_gateway) -> None:
    async def handler(batch, context):
        docs = batch.docs_as(Document)
        for doc in docs:
            doc.matches = DocList[Document]([Document(text='near', scores={'cos': {'value': 0.5}})])
        return Batch(docs, batch.parameters)

    gateway = await open_gateway((endpoint('/search', Document), endpoint('/index', Document)), handler)
    query = """query ($data: [StrawberryDocumentInput!], $p: JSONScalar) {
        docs(data: $data, parameters: $p, execEndpoint: "/search") {
            id text mimeType parentId tags embedding blob weight location
            scores { name score { value opName } } chunks { text } matches { text }
        } }"""
    doc = {
        'id': 'a',
        'text': 'hat',
        'mimeType': 'text/plain',
        'parentId': None,
        'tags': '{"price": 2}',
        'embedding': '[1, 2]',
        'blob': 'AAE=',
        'scores': [{'name': 'bm25', 'score': {'value': 2.5, 'opName': 'x'}}],
        'chunks': [{'text': 'part'}],
    }
    ((told,),) = [(await gateway.client.data(query, data=[doc], p='{"limit": 1}'))['docs']]
    assert told == {
        'id': 'a',
        'text': 'hat',
        'mimeType': 'text/plain',
        'parentId': '',
        'tags': {'price': 2},
        'embedding': [1.0, 2.0],
        'blob': 'AAE=',
        'weight': None,
        'location': [],
        'scores': [{'name': 'bm25', 'score': {'value': 2.5, 'opName': 'x'}}],
        'chunks': [{'text': 'part'}],
        'matches': [{'text': 'near'}],
    }


async def test_the_default_endpoint_and_mutations(gateway) -> None:
    assert (await gateway.client.data('{ docs { id } }'))['docs'] == []
    assert gateway.shop.seen[-1].endpoint == '/search'
    await gateway.client.data(
        'mutation { docs(execEndpoint: "/any", data: {text: "x"}, targetExecutor: "s.*") { id } }'
    )
    assert (gateway.shop.seen[-1].endpoint, gateway.shop.seen[-1].target) == ('/any', 's.*')


async def test_text_that_is_no_json(gateway) -> None:
    error = await gateway.client.error('{ docs(parameters: "{") { id } }')
    assert error['status'] == 400
