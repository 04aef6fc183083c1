"""One request divided among shards, and what they answered made one again."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from headrace.documents.uniting import united
from headrace.errors import HeadraceError
from headrace.observe.paths import hide_paths
from headrace.pipeline.batch import Batch, Payload, concatenated
from headrace.pipeline.condition import places
from headrace.pipeline.ring import shards_of


class Part(NamedTuple):
    """What one shard gets of a request, and the id and place there of each of its documents."""

    batch: Batch
    asked: list[tuple[str, int]]


class Answers(NamedTuple):
    """A request, the replies of shards by their number, and the errors of those that failed.

    `parts` has what each got, where that was not the whole request.
    """

    request: Batch
    replies: Mapping[int, Batch]
    failed: Mapping[int, HeadraceError] = {}
    parts: Mapping[int, Part] = {}

    def report(self) -> dict[str, Any]:
        """How many of the shards that were asked have answered, and what the others said."""
        return {
            'answered': len(self.replies),
            'of': len(self.replies) + len(self.failed),
            'failed': {str(shard): hide_paths(error.message) for shard, error in sorted(self.failed.items())},
        }

    def errors(self, endpoint: str) -> dict[str, Any]:
        """The errors of the documents that went to shards that failed, by their ids."""
        lost = [
            (place, doc_id, error)
            for shard, error in self.failed.items()
            for doc_id, place in (self.parts[shard].asked if self.parts else ())
        ]
        found: dict[str, Any] = {}
        for place, doc_id, error in sorted(lost, key=itemgetter(0)):
            text = hide_paths(error.message, keep=endpoint)
            found.setdefault(doc_id, {'position': place, 'error': type(error).__name__, 'message': text})
        return found

    def side_by_side(self, name: str, parameters: dict[str, Any]) -> Batch:
        """The replies as the sources of one batch."""
        sources = [(f'{name}/shard-{shard}', whole(self.replies[shard])) for shard in sorted(self.replies)]
        return Batch(parameters=parameters, sources=sources, no_reduce=True)


def divided(batch: Batch, shards: int) -> dict[int, Part]:
    """The parts of a batch by shard, each document in that of its id; a shard without any has none.

    Of a batch with several sources, every part has all of them, so that a document meets its namesakes.
    """
    sources = [(name, payload.peek()) for name, payload in batch.sources]
    ids = [docs.column('id') for _, docs in sources]
    owners = shards_of([doc_id for column in ids for doc_id in column], shards)
    asked: dict[int, list[tuple[str, int]]] = {}
    for place, (owner, doc_id) in enumerate(zip(owners, (i for column in ids for i in column), strict=True)):
        asked.setdefault(owner, []).append((doc_id, place))
    if len(asked) == 1:
        return {shard: Part(batch, found) for shard, found in asked.items()}
    parts = {}
    for shard, found in sorted(asked.items()):
        payloads, start = [], 0
        for name, docs in sources:
            end = start + len(docs)
            payload = Payload(docs[[place - start for _, place in found if start <= place < end]])
            payload.seal()  # its reader gets documents of its own: those looked at here may be another's
            payloads.append((name, payload))
            start = end
        parts[shard] = Part(
            Batch(parameters=batch.parameters, sources=payloads, no_reduce=batch.no_reduce), found
        )
    return parts


def placed(answers: Answers) -> Payload:
    """What shards gave for their parts, in the order of the request."""
    shards = sorted(answers.replies)
    together = concatenated([whole(answers.replies[shard]) for shard in shards], None)
    rows, order, start = together.rows, [], 0
    for shard in shards:
        ids = [row.id for row in rows[start : start + len(whole(answers.replies[shard]))]]
        order += places(answers.parts[shard].asked, ids)
        start += len(ids)
    if order == sorted(order):
        return Payload(together)
    return Payload(together[sorted(range(len(rows)), key=order.__getitem__)])


def merged(answers: Answers, limit: int | None) -> Payload:
    """What shards gave to the same request as what one executor with all documents would give to it.

    See `united`. Documents of the request keep its order. What answers a single question is ordered by its
    score and has at most `limit` documents, as have matches.
    """
    payloads = [whole(answers.replies[shard]) for shard in sorted(answers.replies)]
    payloads = [payload for payload in payloads if len(payload)] or payloads[:1]
    if len(payloads) == 1:
        return payloads[0]
    kind = payloads[0].docs().doc_type
    lists = [payload.docs(kind) for payload in payloads]
    rows = united([docs.rows for docs in lists], limit=limit, ranked=len(answers.request) < 2)
    if any(docs.column('id') != [row.id for row in rows] for docs in lists):
        rows = _as_asked(rows, answers.request)
    return Payload(lists[0].from_rows(rows))


def _as_asked(rows: list[Any], request: Batch) -> list[Any]:
    """Documents in the order of the request; new ones follow those that they came after."""
    ids = [doc_id for _, payload in request.sources for doc_id in payload.peek().column('id')]
    if not ids:
        return rows
    order = places(list(zip(ids, range(len(ids)), strict=True)), [row.id for row in rows])
    return [rows[place] for place in sorted(range(len(rows)), key=order.__getitem__)]


def whole(reply: Batch) -> Payload:
    """The documents of a reply as one payload."""
    return reply.sources[0][1] if len(reply.sources) == 1 else Payload(reply.docs)
