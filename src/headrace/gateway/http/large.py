"""What `body` does, for bodies and answers so large that others would have to wait."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from headrace.documents import DocList
from headrace.errors import DocumentError
from headrace.gateway import steps
from headrace.gateway.http import body as bodies
from headrace.gateway.http.expected import Expected
from headrace.gateway.http.front import Front
from headrace.gateway.limits import Limits
from headrace.gateway.turns import Turns


async def read(body: bytes, limits: Limits, turns: Turns) -> bodies.RequestBody:
    """As `bodies.read`, with a look at the limits before."""
    await steps.check_json(body, limits, turns)
    await turns.next()
    return bodies.read(body)


async def read_docs(
    data: Raw, expected: Expected, limits: Limits, turns: Turns, *, body_bytes: int
) -> DocList[Any]:
    """As `bodies.read_docs` of a body of `body_bytes`, within the limits; one document is read in one go."""
    limits.check(parameters_bytes=body_bytes - len(memoryview(data)))
    text, where = memoryview(data), '$.data'
    if text[0] != bodies.LIST:
        if data == bodies.NOTHING:
            return expected.takes()
        wrapped, where = bodies.listed_in(bytes(text), expected.takes)
        text = memoryview(wrapped)
    if not where:  # one document, in a list of ours
        limits.check_data(data, body_bytes)
        docs = bodies.read_docs(data, expected)
        limits.check_docs(docs, body_bytes)
        return docs
    try:
        return await steps.read_json(
            text, lambda part, first: bodies.read_list(part, expected, where, first), limits, turns
        )
    except DocumentError as error:
        raise bodies.misfit(error, where) from None


async def write(
    docs: DocList[Any], parameters: dict[str, Any], header: bodies.ReplyHeader, front: Front, *, arrays: str
) -> bytes:
    """As `bodies.write`; TooLarge if it would be more than a gateway sends."""
    data = await steps.write_json(docs, front.turns, arrays=arrays, most_bytes=front.max_body_bytes)
    return bodies.write(docs, parameters, header, written=data)
