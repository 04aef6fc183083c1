"""JSON bodies: one request shape in (that of Jina 3, in either spelling), one reply shape out.

A request is `{"data": ..., "parameters": {...}, "targetExecutor": "...", "execEndpoint": "..."}`; every key
is optional. `data` is a list of documents, one document, `{"docs": [...]}` or null. A reply is
`{"header": {...}, "parameters": {...}, "routes": [], "data": [...]}`.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from headrace.documents import DocList, Document
from headrace.documents.codec import text as codec
from headrace.errors import CodecError, DocumentError, ExecutorError
from headrace.gateway.http.expected import Expected
from headrace.gateway.http.problem import FieldProblem, HttpError
from headrace.spec.suggest import did_you_mean

NOTHING = Raw(b'null')
EXAMPLE = 'send a JSON object such as {"data": [{"text": "hello"}], "parameters": {}}'
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
UNWRITABLE = (TypeError, ValueError, OverflowError, RecursionError)
LIST, OBJECT = ord('['), ord('{')
_FIRST = re.compile(r'^\[(\d+)\]')


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

    def address(self, route: str) -> tuple[str, str]:
        """The endpoint that a request on a route is for, and the executors that it names ('' is all).

        `route` is '' if the body may choose. Raises HttpError 422 if it names another than its route.
        """
        named = self.exec_endpoint_camel or self.exec_endpoint
        if named and route and named != route:
            raise HttpError(
                422,
                f'this route calls {route!r}, but execEndpoint is {named[:100]!r}',
                help='leave execEndpoint out, or use the route /post',
            )
        target = self.target_executor_camel or self.target_executor
        if target is None and self.header is not None:
            target = self.header.target_executor
        return route or named or '/', target or ''

    def content(self, expected: Expected) -> tuple[DocList[Any], dict[str, Any]]:
        """The documents in the list that the endpoint takes, and the parameters.

        Raises HttpError 422 that names the field, as in `$.data[3].price`.
        """
        text, listed = bytes(self.data), expected.takes
        if text[0] == LIST:
            doc_type = listed.doc_type
            try:
                rows = codec.decoder(list[doc_type]).decode(text)  # type: ignore[valid-type]
                expected.strangers.check(text, doc_type)
                return listed.from_rows(rows), self.parameters or {}
            except (DocumentError, *UNREADABLE, OverflowError):
                pass  # what is wrong, or that nothing is, is found below
        docs = listed() if self.data is NOTHING else read_docs(self.data, expected)
        return docs, self.parameters or {}


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
    raise TypeError(f'{type(value).__name__} is no JSON value')


_requests = msgspec.json.Decoder(RequestBody)
_wrappers = msgspec.json.Decoder(_Wrapped)
replies = msgspec.json.Encoder(enc_hook=_plain)


def read(body: bytes) -> RequestBody:
    """The request in a JSON body; an empty body is an empty request.

    Raises HttpError: 400 for what is not JSON (with line and column), 422 for JSON of another shape.
    """
    if not body:
        return RequestBody()
    try:
        return _requests.decode(body)
    except UNREADABLE as error:
        raise unreadable(error, body, RequestBody) from None


def unreadable(error: Exception, body: bytes, shape: type[Struct]) -> HttpError:
    """What is wrong with a body that could not be decoded as a `shape`."""
    if isinstance(error, msgspec.ValidationError):
        detail, path = _split(str(error))
        return unfit(detail, path, help=_known_keys(shape, detail, path))
    if isinstance(error, msgspec.DecodeError):
        return _malformed(str(error), body)
    if isinstance(error, RecursionError):
        return HttpError(400, 'the JSON is nested too deeply', help='flatten it')
    return HttpError(400, f'the body is not valid JSON: {error}', help='write text as UTF-8')


def read_docs(data: Raw, expected: Expected) -> DocList[Any]:
    """The documents in a request's `data` as the list that the endpoint takes.

    Raises HttpError 422 that names the field, as in `$.data[3].price`.
    """
    text, listed = bytes(data), expected.takes
    where = '$.data'
    if text[0] != LIST:
        if text == b'null':
            return listed()
        text, where = listed_in(text, listed)
    return read_list(text, expected, where)


def read_list(text: bytes, expected: Expected, where: str, first: int = 0) -> DocList[Any]:
    """The documents of a JSON list that stands at `where` in a request, from its document `first` on.

    Raises HttpError 422 that names the field, as in `$.data[3].price`.
    """
    listed, strangers = expected.takes, expected.strangers
    try:
        docs = listed.from_json(text)
        if not first or strangers.looks_at_all:
            strangers.check(text, listed.doc_type)
        return docs
    except DocumentError as error:
        if not issubclass(listed.doc_type, Document) or 'got `null`' not in error.message:
            raise misfit(error, where, first) from None
    try:  # clients of Jina write every field of a document, null where there is nothing
        return listed.from_json(msgspec.json.encode(_without_nulls(msgspec.json.decode(text))))
    except DocumentError as error:
        raise misfit(error, where, first) from None


def write(
    docs: DocList[Any],
    parameters: dict[str, Any],
    header: ReplyHeader,
    *,
    arrays: str = 'list',
    written: bytes = b'',
) -> bytes:
    """The reply as JSON; `arrays` is 'list' (nested numbers) or 'base64', `written` the documents as JSON."""
    data = written or codec.to_json(docs.rows, arrays=arrays)  # type: ignore[arg-type]
    try:
        return replies.encode(Reply(header, parameters, Raw(data)))
    except UNWRITABLE as error:
        raise unwritable(error) from None


def unpromised(error: DocumentError) -> ExecutorError:
    """What is wrong with documents of an answer that are not of the class that the Flow promises."""
    return ExecutorError(f'the executors gave back what does not fit: {error.message}')


def unwritable(error: Exception) -> ExecutorError:
    """What is wrong with a reply that `replies` could not encode."""
    return ExecutorError(
        f'the parameters that the executors gave back cannot be written as JSON: {error}',
        help='put numbers, text, lists and dicts into them',
    )


def _without_nulls(docs: Any) -> Any:
    """Documents as plain data without the fields that are null; what is inside tags stays."""
    if not isinstance(docs, list):
        return docs
    kept = [
        {key: value for key, value in doc.items() if value is not None} if isinstance(doc, dict) else doc
        for doc in docs
    ]
    for doc in kept:
        if isinstance(doc, dict):
            doc.update({key: _without_nulls(doc[key]) for key in ('chunks', 'matches') if key in doc})
    return kept


def listed_in(text: bytes, listed: type[DocList[Any]]) -> tuple[bytes, str]:
    """One document, or an object with `docs`, as a list, and where in the body that list begins.

    The list around one document is ours, so `$.data[0]` in an error about it means `$.data`.
    """
    if text[0] != OBJECT:
        raise unfit('Expected a list of documents, one document or null', '$.data')
    if b'"docs"' in text and 'docs' not in listed.doc_type.__struct_fields__:
        wrapped = bytes(_wrappers.decode(text).docs)
        if wrapped:
            return wrapped, '$.data.docs'
    return b'[%b]' % text, ''


def misfit(error: DocumentError, where: str, first: int = 0) -> HttpError:
    """What is wrong with documents that stand at `where` in a body, from its document `first` on."""
    if isinstance(error, CodecError):
        return HttpError(400, error.message, help=error.help)
    detail, path = _split(error.message)
    inner = path.removeprefix('$')
    if first:
        inner = _FIRST.sub(lambda found: f'[{int(found[1]) + first}]', inner)
    place = where + inner if where else '$.data' + inner.removeprefix('[0]')
    return unfit(detail, place, help=error.help)


def _split(message: str) -> tuple[str, str]:
    """A message of msgspec as what is wrong and where."""
    detail, _, where = message.partition(' - at ')
    return detail, where.strip('`') or '$'


def unfit(detail: str, path: str, *, help: str = '') -> HttpError:
    """The error for a body that is not as it should be at `path`."""
    return HttpError(422, f'{detail} - at {path}', help=help, errors=(FieldProblem(path, detail),))


def _known_keys(shape: type[Struct], detail: str, path: str) -> str:
    """The keys that a request has, for one that it does not have; '' for mistakes further in."""
    if path == '$' and detail.startswith('Expected `object`'):
        return EXAMPLE
    if not detail.startswith('Object contains unknown field'):
        return ''
    asked = RequestHeader if path.startswith('$.header') else shape
    known = dict.fromkeys(each.encode_name for each in msgspec.structs.fields(asked))
    return did_you_mean(detail.partition('`')[2].rstrip('`'), known, noun='keys')


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
        help=EXAMPLE,
    )


def check_json(text: str, name: str) -> None:
    """Raise HttpError 400 unless the text of a field (of a form, a query) is JSON."""
    try:
        msgspec.json.decode(text.encode(), type=Raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise HttpError(400, f'{name} is not valid JSON: {error}', help='write JSON into it') from None
