"""What a gateway says of its Flow in, the classes of the documents of an endpoint out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from headrace.documents import BaseDoc, Document, class_from
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, FlowInfo

PATIENCE_S = 10.0
"""How long a gateway may take to describe its Flow."""


class Taken(NamedTuple):
    """The documents that an endpoint takes.

    `doc_type` is None where nobody says. `elsewhere` are fields that only other executors of the endpoint
    know, such as those that work side by side with the first.
    """

    doc_type: type[BaseDoc] | None = None
    elsewhere: frozenset[str] = frozenset()


def taken(info: FlowInfo | None, endpoint: str, target: str = '') -> Taken:
    """What goes into an endpoint: of the whole Flow, or of the executors that a target names."""
    answering = [] if info is None else list(_answering(info, endpoint, target))
    if not answering:
        return Taken()
    names = {field.name for each in answering for field in each.input.fields}
    doc_type = class_from(answering[0].input)
    return Taken(doc_type, frozenset(names) - set(doc_type.__struct_fields__))


def given(info: FlowInfo | None, endpoint: str, target: str = '') -> type[BaseDoc]:
    """The class of what an endpoint gives; Document where nobody says."""
    answering = [] if info is None else list(_answering(info, endpoint, target))
    if info is not None and not target:
        return class_from(answering[0].output) if answering else Document
    return class_from(answering[-1].output) if answering else Document


def is_idempotent(info: FlowInfo | None, endpoint: str, target: str = '') -> bool:
    """Whether an endpoint may be called twice with the same request; yes, unless somebody says no."""
    return info is None or all(each.idempotent for each in _answering(info, endpoint, target))


def _answering(info: FlowInfo, endpoint: str, target: str) -> Iterator[EndpointInfo]:
    """The endpoint of the whole Flow (without a target), then those of its executors."""
    known = {} if target else {each.name: each for each in info.endpoints}
    whole = known.get(endpoint) or known.get(DEFAULT_ENDPOINT)
    if whole is not None:
        yield whole
    for executor in info.executors:
        own = executor.endpoint(endpoint) if re.match(target, executor.name) else None
        if own is not None:
            yield own
