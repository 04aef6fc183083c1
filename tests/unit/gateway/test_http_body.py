"""JSON bodies: every shape that a request may have, and where the mistakes in others are."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.documents import BaseDoc, DocList, Document
from headrace.errors import ExecutorError
from headrace.gateway.http import body as bodies
from headrace.gateway.http.expected import Expected
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.query import parameters_of


class Item(BaseDoc):
    title: str
    price: float = 0.0


class Folder(BaseDoc):
    docs: tuple[str, ...] = ()


def docs_of(text, doc_type=Item):
    return bodies.read_docs(bodies.read(text).data, Expected(DocList[doc_type]))


@pytest.mark.parametrize(
    ('text', 'titles'),
    [
        (b'{"data": [{"title": "a"}, {"title": "b"}]}', ['a', 'b']),
        (b'{"data": {"title": "a"}}', ['a']),
        (b'{"data": {"docs": [{"title": "a"}]}}', ['a']),
        (b'{"data": {"title": "\\"docs\\""}}', ['"docs"']),
        (b' {"data" :  [ ] } ', []),
        (b'{"data": null}', []),
        (b'{}', []),
        (b'', []),
    ],
)
def test_documents_come_in_every_shape_of_jina(text, titles):
    found = docs_of(text)
    assert isinstance(found, DocList[Item])
    assert [doc.title for doc in found] == titles


def test_a_class_with_a_field_called_docs_keeps_it():
    assert docs_of(b'{"data": {"docs": ["x"]}}', Folder)[0].docs == ('x',)


@pytest.mark.parametrize(
    'text',
    [
        b'{"targetExecutor": "enc", "execEndpoint": "/a", "parameters": {"k": 1}}',
        b'{"target_executor": "enc", "exec_endpoint": "/a", "parameters": {"k": 1}}',
        b'{"header": {"targetExecutor": "enc"}, "execEndpoint": "/a", "parameters": {"k": 1}}',
    ],
)
def test_both_spellings_of_keys_mean_the_same(text):
    asked = bodies.read(text)
    assert (*asked.address('')[::-1], asked.parameters) == (
        'enc',
        '/a',
        {'k': 1},
    )


@pytest.mark.parametrize(
    ('text', 'where'),
    [
        (b'{"data": [{"title": "a"}, {"title": 3}]}', '$.data[1].title'),
        (b'{"data": [{"title": "a"}, {}]}', '$.data[1]'),
        (b'{"data": {"title": "a", "price": "much"}}', '$.data.price'),
        (b'{"data": {"docs": [{"title": null}]}}', '$.data.docs[0].title'),
        (b'{"data": 7}', '$.data'),
        (b'{"data": "text"}', '$.data'),
        (b'{"parameters": [1]}', '$.parameters'),
        (b'{"parameter": {}}', '$'),
        (b'[]', '$'),
    ],
)
def test_json_of_another_shape_is_a_422_that_names_the_field(text, where):
    with pytest.raises(HttpError) as caught:
        docs_of(text)
    assert caught.value.http_status == 422
    assert [error.path for error in caught.value.errors] == [where]
    assert caught.value.message.endswith(f'at {where}')


@pytest.mark.parametrize(
    ('text', 'help'),
    [
        (b'[{"title": "a"}]', 'send a JSON object such as {"data": ['),
        (b'{"title": "a"}', 'keys: data, parameters'),
    ],
)
def test_documents_without_their_envelope_are_told_of_it(text, help):
    with pytest.raises(HttpError) as caught:
        docs_of(text)
    assert help in caught.value.help


@pytest.mark.parametrize(
    ('text', 'where'),
    [
        (b'{"data": [1,2,}', 'line 1, column 15 (byte 14)'),
        (b'{\n  "data": tru\n}', 'line 2, column 12 (byte 13)'),
        (b'{"data": [', 'line 1, column 11 (byte 10)'),
        (b'\xff', 'line 1, column 1 (byte 0)'),
        (b'{"da\xffta": []}', "can't decode byte 0xff in position 2"),
        (b'{"data": []} x', 'trailing characters at line 1'),
    ],
)
def test_what_is_not_json_is_a_400_that_says_where(text, where):
    with pytest.raises(HttpError) as caught:
        docs_of(text)
    assert caught.value.http_status == 400
    assert where in caught.value.message


@pytest.mark.parametrize('text', [b'{"data": ' + b'[' * 200_000, b'{"parameters": {"a": ' + b'[' * 200_000])
def test_deep_nesting_is_a_400(text):
    with pytest.raises(HttpError) as caught:
        docs_of(text)
    assert caught.value.http_status == 400


def test_deep_nesting_in_a_document_is_a_400():
    deep = b'[' * 200_000 + b']' * 200_000
    with pytest.raises(HttpError) as caught:
        docs_of(b'{"data": [{"tags": {"x": ' + deep + b'}}]}', Document)
    assert caught.value.http_status in (400, 422)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_documents_or_an_error_of_the_client(text):
    for body in (text, b'{"data": ' + text + b'}', b'{"data": [{"title": ' + text + b'}]}'):
        status = 200
        try:
            docs_of(body)
        except HttpError as error:
            status = error.http_status
        assert status in (200, 400, 422)


def test_a_query_string_gives_parameters():
    found = parameters_of(b'limit=3&name=a%20b&flag=true&empty=&list=[1,2]&deep=' + b'[' * 10_000)
    deep = found.pop('deep')
    assert found == {'limit': 3, 'name': 'a b', 'flag': True, 'empty': '', 'list': [1, 2]}
    assert deep == '[' * 10_000


def test_a_reply_has_the_shape_of_jina():
    header = bodies.ReplyHeader('r1', '/index', 'enc')
    docs = DocList[Item]([Item('a', 1.5, id='1')])
    reply = msgspec.json.decode(bodies.write(docs, {'k': np.float32(0.5), 'v': np.arange(2)}, header))
    assert reply == {
        'header': {'requestId': 'r1', 'execEndpoint': '/index', 'targetExecutor': 'enc', 'status': None},
        'parameters': {'k': 0.5, 'v': [0, 1]},
        'data': [{'title': 'a', 'price': 1.5, 'id': '1'}],
        'routes': [],
    }


@pytest.mark.parametrize('value', [object(), 1j, {(1, 2): 3}])
def test_results_that_are_no_json_are_an_executors_error(value):
    with pytest.raises(ExecutorError, match='cannot be written as JSON'):
        bodies.write(DocList[Item](), {'value': value}, bodies.ReplyHeader('r1', '/', ''))


def test_arrays_are_lists_or_base64():
    docs = DocList[Document]([Document(embedding=np.arange(3, dtype='float32'))])
    header = bodies.ReplyHeader('r1', '/', '')
    as_list = msgspec.json.decode(bodies.write(docs, {}, header))
    as_base64 = msgspec.json.decode(bodies.write(docs, {}, header, arrays='base64'))
    assert as_list['data'][0]['embedding'] == [0.0, 1.0, 2.0]
    assert as_base64['data'][0]['embedding']['shape'] == [3]


def test_documents_of_jina_clients_have_null_where_there_is_nothing():
    text = b"""[{"id": "1", "text": "hi", "tags": {"kept": null}, "tensor": null, "blob": null,
        "weight": null, "matches": null, "granularity": null,
        "chunks": [{"id": "2", "text": null, "matches": null}]}]"""
    (doc,) = bodies.read_docs(msgspec.Raw(text), Expected(DocList[Document]))
    assert (doc.id, doc.text, doc.blob, doc.weight, doc.granularity) == ('1', 'hi', b'', None, 0)
    assert doc.tags == {'kept': None}
    assert doc.chunks[0].id == '2'
    assert len(doc.matches) == 0


def test_null_is_no_value_for_a_field_of_a_typed_document():
    class Item(BaseDoc):
        price: float = 0.0

    with pytest.raises(HttpError, match='price'):
        bodies.read_docs(msgspec.Raw(b'[{"price": null}]'), Expected(DocList[Item]))


@pytest.mark.parametrize(
    ('sent', 'meant'),
    [(b'{"parametrs": {}}', 'parameters'), (b'{"header": {"requestid": "a"}}', 'requestId')],
)
def test_a_key_that_does_not_exist_comes_with_the_one_that_was_meant(sent: bytes, meant: str) -> None:
    with pytest.raises(HttpError) as caught:
        bodies.read(sent)
    assert caught.value.http_status == 422
    assert f"did you mean '{meant}'? keys: " in caught.value.help
