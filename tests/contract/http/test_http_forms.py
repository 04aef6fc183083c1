"""Forms: files straight into documents, text into fields and parameters."""

import io

import numpy as np
import pytest
from PIL import Image

from headrace import BaseDoc, DocList, Document, DocumentArray, Executor, NdArray, requests
from headrace.gateway.http import forms
from headrace.spec.limits import LimitsSpec


class Photo(BaseDoc):
    title: str
    pixels: NdArray
    stars: int = 0


class Scan(BaseDoc):
    front: bytes
    back: bytes = b''
    note: str = ''
    pages: list[int] = []


class Framed(BaseDoc):
    picture: Document | None = None
    price: float = 0.0


class Album(Executor):
    @requests(on='/add')
    def add(self, docs: DocumentArray, parameters: dict, **kwargs):
        for doc in docs:
            doc.text = f'{doc.text}{len(doc.blob)} bytes'
        return {'parameters': parameters}

    @requests(on='/photo')
    def photo(self, docs: DocList[Photo], **kwargs) -> DocList[Photo]:
        return docs

    @requests(on='/scan')
    def scan(self, docs: DocList[Scan], **kwargs) -> DocList[Scan]:
        return docs

    @requests(on='/frame')
    def frame(self, docs: DocList[Framed], **kwargs) -> DocList[Framed]:
        return docs


def png(width: int = 4, height: int = 3) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 7, np.uint8)).save(file, 'png')
    return file.getvalue()


@pytest.fixture
async def album(open_flow):
    return await open_flow(Album)


def docs_of(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()['data']


async def test_each_file_becomes_a_document(album):
    files = [
        ('file', ('cat.png', b'12', 'image/png')),
        ('file', ('dog.jpg', b'123', 'application/octet-stream')),
        ('whatever', ('x', b'', '')),
    ]
    found = docs_of(await album.client.post('/add', files=files))
    assert [doc['text'] for doc in found] == ['2 bytes', '3 bytes', '0 bytes']
    assert [doc.get('mime_type') for doc in found] == ['image/png', 'image/jpeg', None]
    assert [doc.get('uri') for doc in found] == ['cat.png', 'dog.jpg', 'x']


async def test_text_goes_into_fields_and_parameters(album):
    files = [('file', ('a.png', b'1')), ('file', ('b.png', b'22'))]
    data = {'text': 'seen: ', 'limit': '3', 'parameters': '{"k": [1]}', 'name': 'red hat'}
    answer = await album.client.post('/add', files=files, data=data)
    assert [doc['text'] for doc in docs_of(answer)] == ['seen: 1 bytes', 'seen: 2 bytes']
    (results,) = answer.json()['parameters']['__results__'].values()
    assert results['parameters'] == {'k': [1], 'limit': 3, 'name': 'red hat'}


async def test_a_form_without_files_is_one_document(album):
    found = docs_of(await album.client.post('/add', files={'text': (None, 'a'), 'weight': (None, '1.5')}))
    assert [(doc['text'], doc['weight']) for doc in found] == [('a0 bytes', 1.5)]


async def test_files_join_the_documents_of_the_part_data(album):
    files = [('file', ('a.png', b'1')), ('file', ('b.png', b'22'))]
    data = {'data': '[{"id": "1", "uri": "mine"}, {"id": "2"}]'}
    found = docs_of(await album.client.post('/add', files=files, data=data))
    assert [(doc['id'], doc['uri'], doc['text']) for doc in found] == [
        ('1', 'mine', '1 bytes'),
        ('2', 'b.png', '2 bytes'),
    ]
    only = docs_of(await album.client.post('/add', files={'data': (None, '{"text": "x"}')}))
    assert only[0]['text'] == 'x0 bytes'
    uneven = await album.client.post('/add', files=files[:1], data=data)
    assert uneven.status_code == 422
    assert 'one for each document' in uneven.json()['detail']


async def test_an_image_becomes_an_array_where_the_class_has_one(album):
    files = {'image': ('a.png', png(4, 3), 'image/png')}
    (found,) = docs_of(await album.client.post('/photo?arrays=base64', files=files, data={'title': '12'}))
    assert (found['title'], found['pixels']['shape'], found['pixels']['dtype']) == ('12', [3, 4, 3], '|u1')
    damaged = await album.client.post('/photo', files={'image': ('a.png', b'no')}, data={'title': 'a'})
    assert damaged.status_code == 422
    assert damaged.json()['errors'][0]['path'] == '$.data[0].pixels'


async def test_a_form_is_checked_as_json_is(album):
    files = {'pixels': ('a.png', png(), 'image/png')}
    answer = await album.client.post('/photo', files=files, data={'title': 'a', 'stars': 'many'})
    same = await album.client.post(
        '/photo', json={'data': [{'title': 'a', 'stars': 'many', 'pixels': [[1]]}]}
    )
    assert (answer.status_code, same.status_code) == (422, 422)
    assert answer.json()['detail'] == same.json()['detail']
    assert answer.json()['errors'] == same.json()['errors']
    missing = await album.client.post('/photo', files=files)
    assert missing.json()['errors'] == [
        {'path': '$.data[0]', 'detail': 'Object missing required field `title`'}
    ]


async def test_files_go_to_the_fields_of_their_names(album):
    files = {'front': ('f', b'ab'), 'back': ('b', b'c'), 'note': ('n.txt', 'grün'.encode())}
    (found,) = docs_of(await album.client.post('/scan', files=files, data={'pages': '[1, 2]'}))
    assert (found['front'], found['back'], found['note'], found['pages']) == ('YWI=', 'Yw==', 'grün', [1, 2])
    nowhere = await album.client.post('/scan', files={'middle': ('m', b'x')})
    assert nowhere.status_code == 422
    assert nowhere.json()['help'] == 'fields that can take a file: front, back'


async def test_a_file_goes_into_a_document_inside(album):
    files = {'picture': ('a.png', b'12', 'image/png')}
    (found,) = docs_of(await album.client.post('/frame', files=files, data={'price': '3'}))
    inner = found['picture']
    assert (inner['blob'], inner['mime_type'], inner['uri'], found['price']) == (
        'MTI=',
        'image/png',
        'a.png',
        3,
    )


async def test_a_form_names_its_endpoint_and_target(album):
    data = {'execEndpoint': '/add', 'targetExecutor': 'album'}
    answer = await album.client.post('/post', files={'file': ('a', b'1')}, data=data)
    assert answer.json()['header']['execEndpoint'] == '/add'
    assert answer.json()['header']['targetExecutor'] == 'album'
    assert docs_of(answer)[0]['text'] == '1 bytes'


FORM = {'content-type': 'multipart/form-data; boundary=b'}


@pytest.mark.parametrize(
    'body',
    [
        b'',
        b'--b\r\n',
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx',
        b'--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n--b--\r\n',
        b'--b\r\n\r\nx\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="data"\r\n\r\n{\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="parameters"\r\n\r\n{\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n'
        b'Content-Transfer-Encoding: base64\r\n\r\n\r\n--b--\r\n',
        b'--b\r\n' + b'X-A: b\r\n' * 100 + b'\r\nx\r\n--b--\r\n',
        b'--b\r\nX-A: ' + b'b' * 100_000 + b'\r\n\r\nx\r\n--b--\r\n',
    ],
)
async def test_a_damaged_form_is_refused(album, body):
    answer = await album.client.post('/add', content=body, headers=FORM)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize('text', ['[1]', '3', '[[]]'])
async def test_documents_of_a_form_are_objects(album, text):
    files = {'data': (None, text), 'file': ('a', b'x')}
    assert (await album.client.post('/add', files=files)).status_code == 422


async def test_a_form_has_a_boundary(album):
    answer = await album.client.post('/add', content=b'x', headers={'content-type': 'multipart/form-data'})
    assert (answer.status_code, 'boundary' in answer.json()['detail']) == (400, True)


async def test_limits_are_for_forms_too(open_flow, monkeypatch):
    album = await open_flow(
        Album, max_body_bytes=100_000, limits=LimitsSpec(image_pixels=100, documents=3, json_depth=8)
    )
    bomb = await album.client.post('/photo', files={'pixels': ('a.png', png(20, 20))}, data={'title': 'a'})
    assert bomb.status_code == 413
    many = await album.client.post('/add', files=[('file', ('a', b'x'))] * 4)
    assert many.status_code == 413
    large = await album.client.post('/add', files={'file': ('a', b'x' * 100_000)})
    assert large.status_code == 413
    deep = await album.client.post('/add', files={'data': (None, '[' * 20 + ']' * 20)})
    assert deep.status_code == 400
    for name in ('parameters', 'limit', 'tags'):
        deep = await album.client.post('/add', files={name: (None, '[' * 20 + ']' * 20)})
        assert deep.status_code == 400, name
    monkeypatch.setattr(forms, 'MAX_PARTS', 5)
    assert (await album.client.post('/add', files=[('a', (None, 'x'))] * 6)).status_code == 413


async def test_a_page_of_another_origin_cannot_send_a_form(album):
    headers = {'origin': 'https://evil.example'}
    answer = await album.client.post('/add', files={'file': ('a', b'x')}, headers=headers)
    assert answer.status_code == 403
