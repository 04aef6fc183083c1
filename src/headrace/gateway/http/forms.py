"""A form (multipart/form-data) in, its parts out, and what they ask for (RFC 7578)."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from headrace.documents import DocList
from headrace.errors import DocumentError, TooLarge
from headrace.gateway.http import body as bodies
from headrace.gateway.http.expected import Expected
from headrace.gateway.http.fill import fill
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.query import JSON_KEYS, KEYS, literal
from headrace.gateway.limits import Limits

FORM = b'multipart/form-data'
MAX_PARTS = 4096
LONGEST_NAME = 1024


class Part(NamedTuple):
    """One part of a form: text has no `filename`, a file has one, perhaps ''."""

    name: str
    data: bytes
    filename: str | None = None
    content_type: str = ''

    @property
    def text(self) -> str:
        """The part as text; HttpError 400 if it is none."""
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            raise HttpError(
                400, f'the field {self.name!r} of the form is not UTF-8: {error}', help='write text as UTF-8'
            ) from None


class FormBody:
    """A request in a form: `data`, `parameters` ... are those of a JSON body, files go into documents.

    A file or text that has the name of a field of the endpoint's document goes there. A file with any other
    name goes where the document keeps its content, any other text is a parameter.
    """

    def __init__(self, parts: list[Part], limits: Limits) -> None:
        given = {part.name: part for part in parts if part.name in KEYS}
        self._parts = [part for part in parts if part.name not in KEYS]
        self._limits = limits
        data = given.pop('data', None)
        self._docs = data.data.strip() if data is not None else b''
        if data is not None:
            limits.check_json(data.data)
            bodies.check_json(data.text, 'data')
        self._beside = sum(len(part.data) for part in given.values())
        for part in given.values():
            limits.check_json(part.data)
        self._asked = bodies.read(_as_body(given)) if given else bodies.RequestBody()

    def address(self, route: str) -> tuple[str, str]:
        """The endpoint that is called, and the executors that are named."""
        return self._asked.address(route)

    def content(self, expected: Expected) -> tuple[DocList[Any], dict[str, Any]]:
        """The documents and the parameters; HttpError 422 that names the field."""
        listed, parameters = expected.takes, self.parameters(expected)
        mine = self._of_documents(expected)
        if not mine:
            return bodies.RequestBody(data=self.data).content(expected)[0], parameters
        docs = fill(listed.doc_type, self._written(), mine, self._limits)
        try:
            expected.strangers.check_plain(docs, listed.doc_type)
            return listed.from_list(docs), parameters
        except DocumentError as error:
            raise bodies.misfit(error, '$.data') from None

    @property
    def data(self) -> msgspec.Raw:
        """The documents in the part `data`."""
        return msgspec.Raw(self._docs) if self._docs else bodies.NOTHING

    def has_only_data(self, expected: Expected) -> bool:
        """Whether no documents, or parts of some, are anywhere else than in the part `data`."""
        return not self._of_documents(expected)

    def parameters(self, expected: Expected) -> dict[str, Any]:
        """The parameters: those in their part, and all texts that belong to no document."""
        fields = expected.takes.doc_type.__struct_fields__
        parameters = dict(self._asked.parameters or {})
        others = [part for part in self._parts if part.filename is None and part.name not in fields]
        self._limits.check(parameters_bytes=self._beside + sum(len(part.data) for part in others))
        for part in others:
            self._limits.check_json(part.data)
            parameters.setdefault(part.name, literal(part.text))
        return parameters

    def _of_documents(self, expected: Expected) -> list[Part]:
        """The parts that go into documents."""
        fields = expected.takes.doc_type.__struct_fields__
        return [part for part in self._parts if part.filename is not None or part.name in fields]

    def _written(self) -> list[dict[str, Any]]:
        """The documents in the part `data`, which files are added to."""
        if not self._docs:
            return []
        found = msgspec.json.decode(self._docs)
        if isinstance(found, dict) and isinstance(found.get('docs'), list):
            found = found['docs']
        docs = found if isinstance(found, list) else [found]
        if not all(isinstance(doc, dict) for doc in docs):
            raise bodies.unfit('Expected a list of documents or one document', '$.data')
        return docs


def read_form(content_type: bytes, body: bytes, limits: Limits) -> FormBody:
    """What the bytes of a form ask for.

    Raises HttpError 400 for what is no form, TooLarge for one of more than `MAX_PARTS` parts.
    """
    return FormBody(parts_of(content_type, body), limits)


def parts_of(content_type: bytes, body: bytes) -> list[Part]:
    """The parts of a form in their order."""
    boundary = parse_options_header(content_type)[1].get(b'boundary')
    if not boundary:
        raise HttpError(400, 'the form has no boundary', help='let your HTTP library write the Content-Type')
    found = _Found()
    try:
        parser = MultipartParser(boundary, found.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _damaged(str(error)) from None
    if not found.is_complete:
        raise _damaged('it ends before its last boundary')
    return found.parts


class _Found:
    """Gathers parts as the parser finds them."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.is_complete = False
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b''
        self._chunks: list[bytes] = []

    def callbacks(self) -> Any:
        """What the parser calls."""
        return {
            'on_part_begin': self._begin,
            'on_header_field': self._on_name,
            'on_header_value': self._on_value,
            'on_header_end': self._on_header,
            'on_part_data': self._on_data,
            'on_part_end': self._on_part,
            'on_end': self._on_end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise TooLarge(f'the form has more than {MAX_PARTS} parts', help='send fewer at a time')
        self._headers, self._chunks = {}, []

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b''

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._chunks.append(data[start:end])

    def _on_part(self) -> None:
        kind, options = parse_options_header(self._headers.get(b'content-disposition', b''))
        name = options.get(b'name')
        if kind != b'form-data' or not name or len(name) > LONGEST_NAME:
            raise _damaged(f'part {len(self.parts) + 1} has no name')
        if b'content-transfer-encoding' in self._headers and not self._is_plain():
            raise _damaged(f'part {len(self.parts) + 1} has a Content-Transfer-Encoding')
        filename = options.get(b'filename')
        self.parts.append(
            Part(
                name.decode('utf-8', 'replace'),
                b''.join(self._chunks),
                None if filename is None else filename[:LONGEST_NAME].decode('utf-8', 'replace'),
                self._headers.get(b'content-type', b'').decode('latin1').strip(),
            )
        )

    def _is_plain(self) -> bool:
        return self._headers[b'content-transfer-encoding'].strip().lower() in (b'binary', b'8bit', b'7bit')

    def _on_end(self) -> None:
        self.is_complete = True


def _damaged(problem: str) -> HttpError:
    return HttpError(400, f'the body is no valid form: {problem}', help='let your HTTP library write it')


def _as_body(given: dict[str, Part]) -> bytes:
    """The keys of a JSON body that stand in a form as that body."""
    values: dict[str, Any] = {}
    for name, part in given.items():
        if name in JSON_KEYS:
            bodies.check_json(part.text, name)
        values[name] = msgspec.Raw(part.data) if name in JSON_KEYS else part.text
    return msgspec.json.encode(values)
