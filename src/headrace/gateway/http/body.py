"""JSON bodies: one request shape in (that of Jina 3, in either spelling), one reply shape out.

A request is `{"data": ..., "parameters": {...}, "targetExecutor": "...", "execEndpoint": "..."}`; every key
is optional. `data` is a list of documents, one document, `{"docs": [...]}` or null. A reply is
`{"header": {...}, "parameters": {...}, "routes": [], "data": [...]}`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Raw, Struct, field

from headrace.documents import DocList
from headrace.errors import CodecError, DocumentError
from headrace.gateway.http.problem import FieldProblem, HttpError

NOTHING = Raw(b'null')
LIST, OBJECT = ord('['), ord('{')


class RequestHeader(Struct, forbid_unknown_fields=True, kw_only=True):
    """What newer Jina clients put into `header`."""

    request_id: str | None = field(name='requestId', default=None)
    target_executor: str | None = field(name='targetExecutor', default=None)


class RequestBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """A request; the two spellings of a key mean the same."""

    data: Raw = NOTHING
    parameters: dict[str, Any] | None = None
    target_executor: str | None = None
    target_executor_camel: str | None = field(name='targetExecutor', default=None)
    exec_endpoint: str | None = None
    exec_endpoint_camel: str | None = field(name='execEndpoint', default=None)
    header: RequestHeader | None = None

    @property
    def endpoint(self) -> str:
        """The endpoint that the body names, or ''."""
        return self.exec_endpoint_camel or self.exec_endpoint or ''

    @property
    def target(self) -> str:
        """The executors that the body names, or ''."""
        in_header = self.header.target_executor if self.header else None
        return self.target_executor_camel or self.target_executor or in_header or ''


class ReplyHeader(Struct):
    """Which request a reply belongs to; `status` is always null, as an error is a problem and no reply."""

    request_id: str = field(name='requestId')
    exec_endpoint: str = field(name='execEndpoint')
    target_executor: str = field(name='targetExecutor')
    status: None = None


class Reply(Struct):
    """The documents and parameters that a Flow gave back."""

    header: ReplyHeader
    parameters: dict[str, Any]
    data: Raw
    routes: tuple[()] = ()


class _Wrapped(Struct):
    docs: Raw = Raw()


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy, which executors put into parameters, as Python's own."""
    if hasattr(value, 'tolist'):
        return value.tolist()
    raise NotImplementedError(f'a {type(value).__name__} cannot be written as JSON')


_requests = msgspec.json.Decoder(RequestBody)
_wrappers = msgspec.json.Decoder(_Wrapped)
_replies = msgspec.json.Encoder(enc_hook=_plain)


def read(body: bytes) -> RequestBody:
    """The request in a JSON body; an empty body is an empty request.

    Raises HttpError: 400 for what is not JSON (with line and column), 422 for JSON of another shape.
    """
    if not body:
        return RequestBody()
    try:
        return _requests.decode(body)
    except msgspec.ValidationError as error:
        detail, path = _split(str(error))
        raise _unfit(detail, path) from None
    except msgspec.DecodeError as error:
        raise _malformed(str(error), body) from None
    except RecursionError:
        raise HttpError(400, 'the JSON is nested too deeply', help='flatten it') from None


def read_docs(data: Raw, doc_type: type[Any]) -> DocList[Any]:
    """The documents in a request's `data` as a list of `doc_type`.

    Raises HttpError 422 that names the field, as in `$.data[3].price`.
    """
    text = bytes(data).lstrip() if data is not NOTHING else b'null'
    if text == b'null':
        return DocList[doc_type]()  # type: ignore[valid-type]
    if text[0] == LIST:
        return _docs(text, doc_type, '$.data')
    if text[0] != OBJECT:
        raise _unfit('Expected a list of documents, one document or null', '$.data')
    if b'"docs"' in text and 'docs' not in doc_type.__struct_fields__:
        wrapped = bytes(_wrappers.decode(text).docs)
        if wrapped:
            return _docs(wrapped, doc_type, '$.data.docs')
    return _docs(b'[%b]' % text, doc_type, '$.data', single=True)


def read_query(query: bytes) -> dict[str, Any]:
    """The parameters in a query string; what reads as JSON (numbers, true, null, [...]) is taken as such."""
    return {name: _literal(text) for name, text in parse_qsl(query.decode('latin1'), keep_blank_values=True)}


def write(
    docs: DocList[Any], parameters: dict[str, Any], header: ReplyHeader, *, arrays: str = 'list'
) -> bytes:
    """The reply as JSON; `arrays` is 'list' (nested numbers) or 'base64'."""
    data = docs.to_json(arrays=arrays)  # type: ignore[arg-type]
    return _replies.encode(Reply(header, parameters, Raw(data)))


def _docs(text: bytes, doc_type: type[Any], root: str, *, single: bool = False) -> DocList[Any]:
    try:
        return DocList[doc_type].from_json(text)  # type: ignore[valid-type]
    except CodecError as error:
        raise HttpError(400, error.message, help=error.help) from None
    except DocumentError as error:
        detail, path = _split(error.message)
        inner = path.removeprefix('$').removeprefix('[0]') if single else path.removeprefix('$')
        raise _unfit(detail, root + inner) from None
    except RecursionError:
        raise HttpError(400, 'the JSON is nested too deeply', help='flatten it') from None


def _split(message: str) -> tuple[str, str]:
    """A message of msgspec as what is wrong and where."""
    detail, _, where = message.partition(' - at ')
    return detail, where.strip('`') or '$'


def _unfit(detail: str, path: str) -> HttpError:
    return HttpError(422, f'{detail} - at {path}', errors=(FieldProblem(path, detail),))


def _malformed(message: str, body: bytes) -> HttpError:
    """The error for bytes that are no JSON; a byte's number becomes a line and a column."""
    problem, _, rest = message.removeprefix('JSON is malformed: ').partition(' (byte ')
    offset = int(rest.rstrip(')')) if rest else len(body)
    before = body[:offset]
    line = before.count(b'\n') + 1
    column = offset - (before.rfind(b'\n') + 1) + 1
    return HttpError(
        400,
        f'the body is not valid JSON: {problem} at line {line}, column {column} (byte {offset})',
        help='send a JSON object such as {"data": [{"text": "hello"}], "parameters": {}}',
    )


def _literal(text: str) -> Any:
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError):
        return text
