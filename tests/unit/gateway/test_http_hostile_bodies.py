"""Whatever bytes come in forms, in Arrow, or packed: an error of ours or what they say, in bounded memory."""

import io
import tracemalloc
import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pyarrow import ipc

from headrace.documents import BaseDoc, DocList, Document, NdArray
from headrace.errors import HeadraceError, TooLarge
from headrace.gateway.http import encoding
from headrace.gateway.http.arrow import ArrowBody
from headrace.gateway.http.expected import Expected
from headrace.gateway.http.forms import FormBody, Part, parts_of, read_form
from headrace.gateway.http.negotiation import best, coding
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.query import QueryBody
from headrace.gateway.limits import Limits
from headrace.spec.limits import LimitsSpec

LIMITS = Limits(LimitsSpec(documents=1000, json_depth=32))
FORM = b'multipart/form-data; boundary=b'


def unless_refused(work: Callable[[], tuple[Any, dict[str, Any]]]) -> tuple[Any, dict[str, Any]]:
    """What comes of the work; nothing, if it is refused with an error that is the client's fault."""
    try:
        return work()
    except HeadraceError as error:
        if error.http_status >= 500:
            raise
        return (), {}


class Photo(BaseDoc):
    title: str = ''
    stars: int = 0
    pixels: NdArray | None = None
    file: bytes = b''


names = st.text(
    st.characters(codec='utf-8', exclude_categories=['Cc'], exclude_characters='"\\'), min_size=1, max_size=20
)
chunks = st.sampled_from(
    [
        b'--b\r\n',
        b'--b--\r\n',
        b'--b--',
        b'--b',
        b'\r\n',
        b'\r\n\r\n',
        b'Content-Disposition: form-data; name="text"',
        b'Content-Disposition: form-data; name="data"',
        b'Content-Disposition: form-data; name="parameters"',
        b'Content-Disposition: form-data; name="a"; filename="b.png"',
        b"Content-Disposition: form-data; name*=utf-8''a",
        b'Content-Type: image/png',
        b'[{"text": "a"}]',
        b'{}',
        b'\xff\x00',
    ]
)


@given(st.lists(st.tuples(names, st.binary(max_size=200), st.none() | names), min_size=1, max_size=8))
def test_parts_come_back_as_they_were_sent(sent):
    files = [(name, (filename, data)) for name, data, filename in sent]
    request = httpx.Request('POST', 'http://x', files=files)
    assume(all(name.strip() == name for name, _, filename in sent for name in (name, filename or 'a')))
    found = parts_of(request.headers['content-type'].encode(), request.read())
    assert [(part.name, part.data, part.filename) for part in found] == sent


@given(st.lists(chunks | st.binary(max_size=20), max_size=30).map(b''.join))
def test_any_bytes_as_a_form(body):
    wanted = Expected(DocList[Document])
    docs, parameters = unless_refused(lambda: read_form(FORM, body, LIMITS).content(wanted))
    assert isinstance(parameters, dict)
    assert all(isinstance(doc, Document) for doc in docs)


fields = st.sampled_from(['title', 'stars', 'pixels', 'file', 'id', 'limit', 'data', 'parameters'])


@given(st.lists(st.builds(Part, fields, st.binary(max_size=9), st.none() | st.just('a.png')), max_size=8))
def test_any_parts_for_a_class(parts):
    docs, _ = unless_refused(lambda: FormBody(parts, LIMITS).content(Expected(DocList[Photo])))
    assert all(isinstance(doc.title, str) and isinstance(doc.stars, int) for doc in docs)


def stream() -> bytes:
    table = pa.table(
        {
            'id': ['1', '2'],
            'title': ['a', None],
            'stars': [1, 2],
            'pixels': pa.array([[1.0, 2.0], None]),
            'file': pa.array([b'x', b'yz']),
        }
    )
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


WHOLE = stream()


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=12))
def test_damaged_arrow(changes):
    body = bytearray(WHOLE)
    for place, value in changes:
        body[place] = value
    docs, _ = unless_refused(lambda: ArrowBody(bytes(body), b'', LIMITS).content(Expected(DocList[Photo])))
    assert len(docs) <= 1000


@given(st.integers(0, len(WHOLE)), st.binary(max_size=50))
def test_cut_arrow(size, more):
    body = ArrowBody(WHOLE[:size] + more, b'', LIMITS)
    docs, _ = unless_refused(lambda: body.content(Expected(DocList[Photo])))
    assert len(docs) <= 2


@given(st.sampled_from(encoding.accepted()), st.binary(max_size=300))
def test_any_bytes_as_packed(name, body):
    found = unless_refused(lambda: (encoding.inflate(name, body, 1000), {}))[0]
    assert len(found) <= 1000


@given(st.sampled_from([each for each in encoding.codings() if each in encoding.accepted()]), st.binary())
def test_packed_and_unpacked(name, body):
    assert encoding.inflate(name, encoding.deflate(name, body), max(len(body), 1)) == body
    if len(body) > 1:
        with pytest.raises(TooLarge):
            encoding.inflate(name, encoding.deflate(name, body), len(body) - 1)


@given(st.sampled_from(encoding.accepted()), st.binary(min_size=20), st.integers(1, 10))
def test_a_packed_body_that_ends_too_early(name, body, cut):
    packed = zlib.compress(body) if name == encoding.DEFLATE else encoding.deflate(name, body)
    with pytest.raises(HeadraceError, match='no valid'):
        encoding.inflate(name, packed[:-cut], 10_000)


@pytest.mark.parametrize('name', [b'gzip', b'zstd'])
def test_a_bomb_takes_no_more_memory_than_its_limit(name):
    bomb = encoding.deflate(name, bytes(200 * 2**20))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            encoding.inflate(name, bomb, 2**20)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


@given(st.text(max_size=200).map(lambda text: text.encode('utf-8', 'replace')))
def test_any_query(query):
    docs, parameters = unless_refused(lambda: QueryBody(query).content(Expected(DocList[Photo])))
    assert len(docs) <= 1
    assert isinstance(parameters, dict)


@given(st.binary(max_size=100))
def test_any_accept_header(header):
    offered = (b'application/json', b'text/event-stream')
    assert best(header, offered) in (None, *offered)
    assert coding(header, (b'zstd', b'gzip')) in (None, b'zstd', b'gzip')


@pytest.mark.parametrize(
    ('accepted', 'found'),
    [
        (b'text/event-stream', b'text/event-stream'),
        (b'text/event-stream, */*', b'text/event-stream'),
        (b'*/*, text/event-stream;q=0.5', b'application/json'),
        (b'text/*', b'text/event-stream'),
        (b'text/event-stream;q=0', None),
        (b'text/event-stream;q=0, */*', b'application/json'),
        (b'image/png', None),
        (b'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', b'application/json'),
        (b'TEXT/EVENT-STREAM; Q=1', b'text/event-stream'),
    ],
)
def test_what_is_accepted_most(accepted, found):
    assert best(accepted, (b'application/json', b'text/event-stream')) == found


@pytest.mark.parametrize('coding', [b'gzip', b'zstd'])
def test_bodies_of_members_that_hold_nothing(coding):
    empty = encoding.deflate(coding, b'')
    most = encoding.MAX_MEMBERS
    assert encoding.inflate(coding, empty * most, 1000) == b''
    with pytest.raises(HttpError, match='more than 65536 members'):
        encoding.inflate(coding, empty * (most + 1), 1000)


def test_what_comes_behind_a_member_is_not_copied_for_each(monkeypatch):
    given = []

    class Counting:
        def __init__(self, *arguments):
            self._inflater = zlib.decompressobj(*arguments)

        def __getattr__(self, name):
            return getattr(self._inflater, name)

        def decompress(self, data, most):
            given.append(len(data))
            return self._inflater.decompress(data, most)

    monkeypatch.setattr(encoding, 'zlib', SimpleNamespace(decompressobj=Counting, error=zlib.error))
    members = zlib.compress(b'', 5, 31) * 5000
    assert encoding.inflate(b'gzip', members + zlib.compress(b'end', 5, 31), 1000) == b'end'
    assert max(given) <= encoding.PIECE
    assert len(given) < 6000
