"""Responses in, what `post` gives to its caller out: callbacks, errors, documents."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from headrace.client.messages import Response
from headrace.client.options import Callback, Options
from headrace.documents import BaseDoc, DocList, Document

LOG = logging.getLogger('headrace.client')


def callbacks(response: Response[Any], options: Options) -> Iterator[Callback]:
    """The functions that want to see this response, in the order in which they are called."""
    first = options.on_done if response.error is None else options.on_error
    if first is not None:
        yield first
    if options.on_always is not None:
        yield options.on_always


def check(response: Response[Any], options: Options) -> None:
    """Raise the error of a response unless the caller takes care of errors, or wants to go on."""
    if response.errors and not options.return_responses:
        _tell(response)
    if response.shards and not options.return_responses:
        _tell_shards(response)
    if response.error is None or options.on_error is not None:
        return
    if not options.continue_on_error:
        raise response.error
    LOG.error('request %s to %r failed: %s', response.request_id, response.endpoint, response.error)


def _tell(response: Response[Any]) -> None:
    """Log the documents that failed while others of their request succeeded; `docs` is without them."""
    first = next(iter(response.errors.values()))
    LOG.error(
        'request %s to %r: %d of %d documents failed; the first: %s',
        *(response.request_id, response.endpoint, len(response.errors), response.request.size),
        first.get('message', first) if isinstance(first, dict) else first,
    )


def _tell_shards(response: Response[Any]) -> None:
    """Log the shards that did not answer; `docs` lacks what they would have given."""
    lacking = [_lacking(name, told) for name, told in response.shards.items()]
    LOG.warning(
        'request %s to %r: the answer is not complete: %s',
        *(response.request_id, response.endpoint, '; '.join(lacking)),
    )


def _lacking(name: str, told: Any) -> str:
    if not isinstance(told, dict):  # another server may say anything
        return f'executor {name!r}: {told}'
    failed = told.get('failed')
    first = next(iter(failed.items()), None) if isinstance(failed, dict) else None
    why = f', shard {first[0]} failed: {first[1]}' if first else ''
    return f'of executor {name!r} only {told.get("answered")} of {told.get("of")} shards answered{why}'


def tolerate(error: Exception, response: Response[Any], options: Options) -> None:
    """Raise the error of a callback, or log it if the caller wants to go on."""
    if not options.continue_on_error:
        raise error
    LOG.error('a callback failed on the response to request %s', response.request_id, exc_info=error)


class Collected:
    """Gathers what `post` gives back: responses, documents, or nothing where callbacks take them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._kept: list[Any] = []
        self._is_kept = options.on_done is None and options.on_always is None

    def add(self, response: Response[Any]) -> None:
        """Keep a response; its documents are decoded now, while others are still under way."""
        if not self._is_kept:
            return
        if self._options.return_responses:
            self._kept.append(response)
        elif response.error is None:
            self._kept.append(response.docs)

    def result(self) -> Any:
        """The responses, or their documents in one list, or one document; None if nothing is kept."""
        if not self._is_kept:
            return None
        if self._options.return_responses:
            return self._kept
        docs = together(self._kept, self._options.doc_type or Document)
        wanted = self._options.return_type
        if wanted is not None and issubclass(wanted, BaseDoc) and len(docs) == 1:
            return docs[0]
        return docs


def together(lists: list[DocList[Any]], empty_type: type[BaseDoc]) -> DocList[Any]:
    """Several lists as one; a single one stays as it is, with its columns."""
    if len(lists) == 1:
        return lists[0]
    types = {docs.doc_type for docs in lists} or {empty_type}
    doc_type = types.pop() if len(types) == 1 else BaseDoc
    joined: DocList[Any] = DocList[doc_type]()  # type: ignore[valid-type]
    for docs in lists:
        joined.extend(docs)
    return joined
