"""Many documents in, the same documents read or written out, in steps that let others pass."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, TypeVar

from headrace.documents import DocList
from headrace.documents.codec import text as codec
from headrace.documents.joining import as_columns, joined, picked
from headrace.errors import CodecError, DocumentError
from headrace.gateway.jsonscan import JsonScan, pieces
from headrace.gateway.limits import Limits
from headrace.gateway.refusals import reply_too_large
from headrace.gateway.turns import STEP_BYTES, STEP_DOCS, Turns

FEW = 16
"""Documents that are written in one go: how large others are is known when these are written."""

D = TypeVar('D', bound=DocList[Any])
Text = bytes | memoryview


async def scanned(text: Text, turns: Turns) -> JsonScan:
    """What a look at JSON shows."""
    scan = JsonScan()
    for piece in pieces(text):
        await turns.next()
        scan.feed(piece)
    return scan


async def check_json(text: Text, limits: Limits, turns: Turns) -> None:
    """As `Limits.check_json`."""
    scan = await scanned(text, turns)
    limits.check_shape(values=scan.values, depth=scan.depth)


async def read_json(text: Text, read: Callable[[bytes, int], D], limits: Limits, turns: Turns) -> D:
    """The documents of a JSON list, as columns; TooLarge if there are too many.

    `read` makes documents of a part of the list, which is a list too, and of the number of those before it.
    """
    if len(text) < 2 or text[0] != ord('[') or text[-1] != ord(']'):
        raise CodecError('this is not JSON: it is no list')
    scan = await scanned(text, turns)
    limits.check(documents=scan.documents)
    lists, tensor_bytes, begin, first = [], 0, 0, 0
    for end, following in [*scan.cuts, (len(text) - 1, 0)]:
        await turns.next()
        docs = read(b''.join((b'[', text[begin + 1 : end], b']')), first)
        if scan.cuts and not len(docs):
            raise CodecError('this is not JSON: a comma has nothing behind it')
        tensor_bytes += limits.weigh(docs, len(text), tensor_bytes)
        lists.append(settled(docs))
        begin, first = end, following
    await turns.next()
    return joined(lists)


async def read_many(count: int, read: Callable[[int, int], D], turns: Turns, *, step: int = STEP_DOCS) -> D:
    """All of `count` documents, as columns; `read` makes those from one place to another."""
    lists = []
    for start in range(0, max(count, 1), step):
        await turns.next()
        lists.append(settled(read(start, min(start + step, count))))
    await turns.next()
    return joined(lists)


def settled(docs: D) -> D:
    """The documents as columns, if they can be: what cannot is told by whoever sends them on."""
    try:
        return as_columns(docs)
    except (CodecError, DocumentError):
        return docs


async def write_json(docs: DocList[Any], turns: Turns, *, arrays: str = 'list', most_bytes: int) -> bytes:
    """Documents as a JSON list; TooLarge as soon as it is known to have more than `most_bytes`."""
    parts: list[bytes] = []
    size = 0
    async for written in write_each(docs, turns, arrays=arrays):
        parts.append(b','.join(written))
        size += len(parts[-1])
        if size > most_bytes:
            raise reply_too_large(most_bytes)
    return b''.join((b'[', b','.join(parts), b']'))


async def write_each(
    docs: DocList[Any], turns: Turns, *, arrays: str = 'list'
) -> AsyncGenerator[Sequence[bytes], None]:
    """Documents as JSON, each for itself, as many at a time as one step allows."""
    at, count, step = 0, len(docs), FEW
    since_docs = since_bytes = 0
    while at < count:
        if since_docs + step > STEP_DOCS or since_bytes >= STEP_BYTES:
            await turns.next()
            since_docs = since_bytes = 0
        some = picked(docs, range(at, min(at + step, count))).rows
        written = [codec.to_json(doc, arrays=arrays) for doc in some]  # type: ignore[arg-type]
        yield written
        size = sum(map(len, written))
        at, since_docs, since_bytes = at + len(some), since_docs + len(some), since_bytes + size
        step = max(1, min(STEP_DOCS, STEP_BYTES * len(some) // max(size, 1)))
