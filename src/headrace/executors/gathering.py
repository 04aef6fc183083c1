"""A request in, the arguments of a handler out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from headrace.documents import DocList
from headrace.executors.endpoint import Endpoint
from headrace.executors.parameters import reader
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context

Gather: TypeAlias = 'Callable[[Batch, Context], tuple[DocList[Any] | None, dict[str, Any]]]'
"""Gives the documents that the handler works on (None: it takes none), and the other arguments."""


def gatherer(endpoint: Endpoint, name: str) -> Gather:
    """The function that reads a handler's arguments from a request; `doc` is passed one by one, elsewhere."""
    takes, kind = endpoint.takes, endpoint.request_type
    reads_docs, single = not takes.isdisjoint(('docs', 'doc')), 'doc' in takes
    reads_inputs = not takes.isdisjoint(('docs_matrix', 'docs_map'))
    read = None
    if 'parameters' in takes:
        read = reader(endpoint.parameters_type, optional=endpoint.parameters_optional, name=name)
    reads_context, reads_trace = 'context' in takes, 'tracing_context' in takes

    def gather(batch: Batch, context: Context) -> tuple[DocList[Any] | None, dict[str, Any]]:
        arguments = _inputs(batch, endpoint, reads_docs) if reads_inputs else {}
        docs = batch.docs_as(kind) if reads_docs else None
        if reads_docs and not single:
            arguments['docs'] = docs
        if read is not None:
            arguments['parameters'] = read(batch.parameters)
        if reads_context:
            arguments['context'] = context
        if reads_trace:
            arguments['tracing_context'] = None  # of a request that is recorded: see recorded.py
        return docs, arguments

    return gather


def _inputs(batch: Batch, endpoint: Endpoint, reads_docs: bool) -> dict[str, Any]:
    """`docs_matrix` and `docs_map`: the documents of each predecessor of a join.

    To merge them changes them, so a handler that also takes the merged ones gets copies here.
    """
    copies = reads_docs and len(batch.sources) > 1
    found = {
        name: (payload.shared() if copies else payload).docs(endpoint.request_type)
        for name, payload in batch.sources
    }
    arguments: dict[str, Any] = {}
    if 'docs_matrix' in endpoint.takes:
        arguments['docs_matrix'] = list(found.values())
    if 'docs_map' in endpoint.takes:
        arguments['docs_map'] = found
    return arguments
