"""What a handler returned in, the batch that leaves its executor out."""

from __future__ import annotations

from typing import Any, NamedTuple

from headrace.documents import BaseDoc, DocList, Document
from headrace.errors import DocumentError, ExecutorFailure
from headrace.executors import location
from headrace.executors.endpoint import Endpoint
from headrace.executors.parameters import with_result
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.load import Gathered


class Returned(NamedTuple):
    """Who returns: the executor's name, its name with shard and replica, its class, and the endpoint."""

    name: str
    full_name: str
    cls: type[Any]
    endpoint: Endpoint

    def batch(self, result: Any, batch: Batch, docs: DocList[Any] | None) -> Batch:
        """The batch after a handler: its documents changed in place (None), replaced (DocList), or a dict.

        `docs` is what the handler got, None if it took none. Raises ExecutorFailure for anything else.
        """
        if result is None:
            return self._unchanged(batch, docs)
        if self.endpoint.kind == 'doc' and docs is not None:
            return self._of_each(result, batch, docs)
        if isinstance(result, DocList):
            return batch.with_payload(Payload(self._checked(result)))
        if isinstance(result, dict):
            parameters = with_result(batch.parameters, self.full_name, result)
            return Batch(parameters=parameters, sources=self._unchanged(batch, docs).sources)
        hint = 'return None (documents changed in place), a DocList or a dict'
        if isinstance(result, list):
            hint = 'return DocList[...](documents) instead of a plain list'
        elif isinstance(result, BaseDoc):
            hint = 'return a DocList, or take `doc` instead of `docs` to answer one document at a time'
        raise self.wrong(f'returned {_name(result)}', hint)

    def answer(self, result: Any, batch: Batch, docs: DocList[Any] | None) -> Batch:
        """The batch after a handler, encoded: what cannot travel is a fault of this executor in every place.

        Raises ExecutorFailure that names the field.
        """
        answer = self.batch(result, batch, docs)
        try:
            if isinstance(batch, Gathered):
                batch.ended(answer)
            for _, payload in answer.sources:
                payload.seal()
        except DocumentError as error:
            raise self.wrong(f'gave back what does not fit its type: {error.message}', error.help) from error
        return answer

    def part(self, value: Any, batch: Batch) -> Batch:
        """What a generator yields as one part of the answer, encoded: a document, a DocList, or a dict.

        Raises ExecutorFailure for anything else, and for what is not of the declared type.
        """
        wanted = self._wanted
        if isinstance(value, BaseDoc):
            if not isinstance(value, wanted):
                raise self.wrong(f'yielded {_name(value)}', f'yield {_documents(wanted)}')
            kind = type(value) if wanted is BaseDoc else wanted
            docs: DocList[Any] = DocList[kind]([value])  # type: ignore[valid-type]
            return self._sealed(batch.with_payload(Payload(docs)))
        if isinstance(value, DocList):
            return self._sealed(batch.with_payload(Payload(self._checked(value))))
        if isinstance(value, dict):
            parameters = with_result(batch.parameters, self.full_name, value)
            return self._sealed(batch.with_payload(self.nothing(), parameters))
        help = f'yield {_documents(wanted)}, a DocList or a dict (results, which go into parameters)'
        if isinstance(value, str) and issubclass(Document, wanted):
            help += '; for text: yield Document(text=...)'
        raise self.wrong(f'yielded {_name(value)}', help)

    def nothing(self) -> Payload:
        """No documents, of the class that the endpoint gives."""
        kind: Any = DocList[self.endpoint.response_type or Document]  # type: ignore[misc]
        return Payload(kind())

    def _sealed(self, answer: Batch) -> Batch:
        try:
            for _, payload in answer.sources:
                payload.seal()
        except DocumentError as error:
            raise self.wrong(f'gave back what does not fit its type: {error.message}', error.help) from error
        return answer

    @property
    def _wanted(self) -> type[BaseDoc]:
        """The class that documents given back have to be of."""
        return (self.endpoint.declares_response and self.endpoint.response_type) or BaseDoc

    def wrong(self, problem: str, help: str) -> ExecutorFailure:
        """The error for a return value that cannot be; it shows clients no folders."""
        endpoint = self.endpoint
        return ExecutorFailure(
            f'executor {self.name!r}, endpoint {endpoint.name!r}: {self.cls.__qualname__}.{endpoint.method} '
            f'({location.brief(endpoint.location)}) {problem}',
            executor=self.name,
            endpoint=endpoint.name,
            traceback=f'{endpoint.location} in {self.cls.__qualname__}.{endpoint.method}',
            help=help,
        )

    def _of_each(self, results: list[Any], batch: Batch, docs: DocList[Any]) -> Batch:
        """After one call per document: None keeps a document, a document replaces it."""
        if not any(result is not None for result in results):
            return self._unchanged(batch, docs)
        wanted = self._wanted
        for result in results:
            if result is not None and not isinstance(result, wanted):
                raise self.wrong(
                    f'returned {_name(result)}', f'return {_documents(wanted)}, or None (changed in place)'
                )
        replaced = [doc if result is None else result for doc, result in zip(docs, results, strict=True)]
        kinds = {type(doc) for doc in replaced}
        kind = wanted if wanted is not BaseDoc else kinds.pop() if len(kinds) == 1 else docs.doc_type
        return batch.with_payload(Payload(DocList[kind](replaced)))  # type: ignore[valid-type]

    def _unchanged(self, batch: Batch, docs: DocList[Any] | None) -> Batch:
        if len(batch.sources) == 1:
            payload = batch.sources[0][1]
            if docs is None or payload.docs() is docs:
                return batch
        elif docs is None:
            docs = batch.docs_as(self.endpoint.request_type)
        return batch.with_payload(Payload(docs))

    def _checked(self, result: DocList[Any]) -> DocList[Any]:
        wanted = self.endpoint.response_type
        if wanted is None or not self.endpoint.declares_response or issubclass(result.doc_type, wanted):
            return result
        strays = [doc for doc in result if not isinstance(doc, wanted)]
        if strays:
            verb = 'yield' if self.endpoint.kind == 'stream' else 'return'
            raise self.wrong(
                f'{verb}ed {_name(strays[0])} in a DocList, but is annotated DocList[{wanted.__name__}]',
                f'{verb} documents of that type, or change the annotation',
            )
        return DocList[wanted](result)  # type: ignore[valid-type]


def _documents(wanted: type[BaseDoc]) -> str:
    return 'a document' if wanted is BaseDoc else f'a document of class {wanted.__name__}'


def _name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == 'builtins' else f'{kind.__module__}.{kind.__qualname__}'
