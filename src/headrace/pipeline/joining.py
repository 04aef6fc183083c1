"""The outputs of several nodes in, one batch out: where the branches of a graph come together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.documents import DocList
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.reports import united

Inputs = Sequence[tuple[str, Batch]]


class Trail:
    """Which nodes have worked on which document: `ancestors` has each node's own name and all before it.

    `around` has, of every node that has worked, the ids of the documents that passed around it.
    """

    def __init__(self, ancestors: Mapping[str, frozenset[str]]) -> None:
        self.around: dict[str, frozenset[str]] = {}
        self._ancestors = ancestors

    @property
    def is_plain(self) -> bool:
        """Whether no document has passed around any node."""
        return not any(self.around.values())

    def is_stale(self, doc_id: str, name: str, other: str) -> bool:
        """Whether `other` has a later state of a document than `name`.

        So it is if the document passed around a node on the way to `name` alone, and all that worked on it
        there worked on it on the way to `other` too, and somebody else.
        """
        passed = (node for node in self._ancestors[name] if doc_id in self.around.get(node, ()))
        if self._ancestors[other].issuperset(passed):
            return False
        return self._workers(name, doc_id) < self._workers(other, doc_id)

    def _workers(self, name: str, doc_id: str) -> frozenset[str]:
        around = self.around
        return frozenset(
            node for node in self._ancestors[name] if node in around and doc_id not in around[node]
        )


def joined(inputs: Inputs, *, no_reduce: bool = False) -> Batch:
    """Several outputs as one batch whose sources keep their names; their results and errors are united."""
    if len(inputs) == 1 and not no_reduce:
        return inputs[0][1]
    sources = tuple(source for _, batch in inputs for source in batch.sources)
    return Batch(parameters=parameters_of(inputs), sources=sources, no_reduce=no_reduce)


def parameters_of(inputs: Inputs) -> dict[str, Any]:
    """The parameters of the inputs as those of one; where nobody added any, they are the very same dict."""
    first = inputs[0][1].parameters
    if all(batch.parameters is first for _, batch in inputs):
        return first
    return united({}, [batch.parameters for _, batch in inputs])


def without_stale(inputs: Inputs, trail: Trail) -> list[tuple[str, DocList[Any]]]:
    """The documents of each input, less those that another input has in a later state.

    A document that passed around the conditional nodes of one branch, while another branch worked on it, is
    only what it was before. Where both worked on it, both stay, to be merged.
    """
    lists = [(name, batch.docs) for name, batch in inputs]
    holders: dict[str, list[str]] = {}
    for name, docs in lists:
        for doc in docs.rows:
            holders.setdefault(doc.id, []).append(name)

    def is_current(name: str, doc_id: str) -> bool:
        return not any(trail.is_stale(doc_id, name, other) for other in holders[doc_id] if other != name)

    return [(name, docs.from_rows([d for d in docs.rows if is_current(name, d.id)])) for name, docs in lists]


def in_order(inputs: Inputs, kept: Sequence[tuple[str, DocList[Any]]]) -> DocList[Any]:
    """What was kept of the inputs, merged by id, in the order in which the inputs have the documents."""
    filled = [docs for _, docs in kept if len(docs)]
    if not filled:
        return kept[0][1]
    kind = filled[0].doc_type
    merged: DocList[Any] = DocList.merged([Payload(docs).docs(kind) for docs in filled])
    order = woven([[doc.id for doc in batch.docs.rows] for _, batch in inputs])
    place = {doc_id: number for number, doc_id in enumerate(order)}
    return merged.from_rows(sorted(merged.rows, key=lambda doc: place[doc.id]))


def woven(orders: Sequence[Sequence[str]]) -> list[str]:
    """One order of all: the first one's, each further name behind the one it follows in its own.

    >>> woven([['a', 'd'], ['a', 'b', 'd'], ['c', 'd']])
    ['c', 'a', 'b', 'd']
    """
    order = list(dict.fromkeys(orders[0]))
    known = set(order)
    for names in orders[1:]:
        if known.issuperset(names):
            continue
        behind: dict[str | None, list[str]] = {}
        last: str | None = None
        for name in dict.fromkeys(names):
            if name in known:
                last = name
            else:
                known.add(name)
                behind.setdefault(last, []).append(name)
        order = [*behind.get(None, ()), *(each for name in order for each in (name, *behind.get(name, ())))]
    return order
