"""What goes to a transport and what comes back: one request, one response."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from headrace.client.tracing import Sent
from headrace.documents import BaseDoc, DocList
from headrace.errors import BadServer
from headrace.pipeline.context import new_request_id

D = TypeVar('D', bound=BaseDoc)
Decode = Callable[[type[BaseDoc] | None], 'DocList[Any]']


@dataclass(frozen=True, kw_only=True)
class Request:
    """What goes along with `size` documents to one endpoint.

    `ids` are those of the documents, which the request itself does not keep.
    `deadline` is a point on `time.monotonic()`; None is no limit. `doc_type` is the class that the documents
    of the response become; None leaves it to the server. `in_parts` asks for the answer in parts. `span` is
    that of the program that asks, if it traces.
    """

    endpoint: str
    size: int = 0
    ids: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    target: str = ''
    deadline: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a key
    stream: bool = True
    in_parts: bool = False
    doc_type: type[BaseDoc] | None = None
    request_id: str = field(default_factory=new_request_id)
    span: Sent | None = field(default=None, repr=False)

    def left_s(self) -> float | None:
        """Seconds until the deadline, at least a millisecond; None without one."""
        return None if self.deadline is None else max(self.deadline - time.monotonic(), 0.001)


class Response(Generic[D]):
    """The answer to one request: documents, parameters (with results that are no documents), request id.

    The documents are decoded when they are first looked at. A failed request has `error`, and no documents.
    """

    __slots__ = ('_decode', '_docs', 'error', 'parameters', 'request')

    def __init__(
        self,
        request: Request,
        decode: Decode | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        error: BadServer | None = None,
    ) -> None:
        self.request = request
        self.parameters: dict[str, Any] = dict(request.parameters if parameters is None else parameters)
        self.error = error
        self._decode = decode
        self._docs: DocList[D] | None = None

    @property
    def docs(self) -> DocList[D]:
        """The documents of the answer."""
        if self._docs is None:
            self._docs = self._decode(self.request.doc_type) if self._decode else DocList()
            self._decode = None
        return self._docs

    @property
    def data(self) -> Response[D]:
        """Itself: `response.data.docs` is how some write `response.docs`."""
        return self

    @property
    def request_id(self) -> str:
        return self.request.request_id

    @property
    def endpoint(self) -> str:
        return self.request.endpoint

    @property
    def results(self) -> dict[str, Any]:
        """What executors returned that is no document, by executor."""
        found: dict[str, Any] = self.parameters.get('__results__', {})
        return found

    @property
    def errors(self) -> dict[str, Any]:
        """What went wrong with single documents, by their ids; they are not among `docs`.

        Each has `position` (in the request, as the executor got it), `error` and `message`.
        """
        found: dict[str, Any] = self.parameters.get('__errors__', {})
        return found

    @property
    def shards(self) -> dict[str, Any]:
        """The executors some of whose shards did not answer: the results lack what those would have given.

        `{'index': {'answered': 3, 'of': 4, 'failed': {'1': 'message'}}}`; empty if all have answered.
        """
        found: dict[str, Any] = self.parameters.get('__shards__', {})
        return found

    def __repr__(self) -> str:
        state = f'failed: {self.error.message}' if self.error else 'ok'
        return f'<Response {self.request_id} {self.endpoint} {state}>'
