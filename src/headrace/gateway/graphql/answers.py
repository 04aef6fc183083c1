"""What a Flow gave back, as the resolvers of a schema read it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Reply(NamedTuple):
    """The answer of one call: its documents, and what came beside them."""

    data: list[Any]
    parameters: Any
    request_id: str


class Part(NamedTuple):
    """One part of an answer: a document (None if there is none in it), and what came beside it."""

    item: Any
    parameters: Any
    request_id: str
