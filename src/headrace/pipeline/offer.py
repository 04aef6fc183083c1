"""What a whole Flow offers: its executors' descriptions in, the checked description of the Flow out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headrace.documents.mismatch import mismatches
from headrace.documents.schema import DocSchema
from headrace.errors import SpecError
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, FlowInfo
from headrace.pipeline.graph import REQUEST, Node


def offer(name: str, nodes: Sequence[Node], *, title: str = '', description: str = '') -> FlowInfo:
    """Describe a graph of described nodes (in topological order).

    Each endpoint takes what the first executors on its way take and gives what the last ones give. Raises
    SpecError naming endpoint, edge and field if one executor gives what the next does not accept.
    """
    infos = tuple(node.info for node in nodes if node.info is not None)
    names = sorted({endpoint.name for info in infos for endpoint in info.endpoints})
    endpoints = tuple(_along(endpoint, nodes) for endpoint in names)
    return FlowInfo(name=name, executors=infos, endpoints=endpoints, title=title, description=description)


def _along(name: str, nodes: Sequence[Node]) -> EndpointInfo:
    """One endpoint's way through the graph, each edge checked."""
    givers: dict[str, list[tuple[Node, EndpointInfo]]] = {REQUEST: []}  # whose output leaves a node
    entries: list[EndpointInfo] = []
    for node in nodes:
        before = [giver for need in node.needs for giver in givers[need]]
        endpoint = node.info.endpoint(name) if node.info is not None else None
        if endpoint is None:
            givers[node.name] = before
            continue
        if not before:
            entries.append(endpoint)
        for giver, given in before:
            _check_edge(name, giver, given, node, endpoint)
        givers[node.name] = [(node, endpoint)]
    needed = {need for node in nodes for need in node.needs}
    last = [giver for node in nodes if node.name not in needed for giver in givers[node.name]]
    first, (_, final) = entries[0], last[-1]
    parameters = next((each.parameters for each in _all(name, nodes) if each.parameters), None)
    doc = next((each.doc for each in reversed([*_all(name, nodes)]) if each.doc), '')  # what it is all for
    return EndpointInfo(
        name=name, kind=final.kind, input=first.input, output=final.output, parameters=parameters, doc=doc
    )


def _all(name: str, nodes: Sequence[Node]) -> Iterator[EndpointInfo]:
    for node in nodes:
        endpoint = node.info.endpoint(name) if node.info is not None else None
        if endpoint is not None:
            yield endpoint


def _check_edge(name: str, giver: Node, given: EndpointInfo, taker: Node, taken: EndpointInfo) -> None:
    problems = mismatches(given.output, taken.input)
    if problems:
        where = 'its default endpoint' if name == DEFAULT_ENDPOINT else f'endpoint {name!r}'
        raise SpecError(
            f'{taker.name!r} does not accept what {giver.name!r} gives it at {where}: {"; ".join(problems)}',
            help=f'change the document type that {giver.name!r} returns ({_name(given.output)}) '
            f'or the one that {taker.name!r} takes ({_name(taken.input)})',
        )


def _name(schema: DocSchema) -> str:
    return schema.name
