"""What a whole Flow offers: its executors' descriptions in, the checked description of the Flow out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from headrace.documents.dynamic import class_from
from headrace.documents.mismatch import mismatches
from headrace.documents.schema import DocSchema
from headrace.errors import DocumentError, SpecError
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, ExecutorInfo, FlowInfo, Kind
from headrace.pipeline.node import REQUEST, Node
from headrace.pipeline.substitutes import with_versions
from headrace.spec import FlowSpec, order


def offer(name: str, nodes: Sequence[Node], *, title: str = '', description: str = '') -> FlowInfo:
    """Describe a graph of described nodes (in topological order).

    Each endpoint takes what the first executors on its way take and gives what the last ones give. Raises
    SpecError naming endpoint, edge and field if one executor gives what the next does not accept.
    """
    infos = tuple(node.info for node in nodes if node.info is not None)
    names = sorted({endpoint.name for info in infos for endpoint in info.endpoints})
    endpoints = tuple(_along(endpoint, nodes) for endpoint in names)
    return FlowInfo(name=name, executors=infos, endpoints=endpoints, title=title, description=description)


def check_types(spec: FlowSpec, infos: Mapping[str, ExecutorInfo]) -> FlowInfo:
    """What the Flow offers, given what its executors do; SpecError if they do not fit each other."""
    nodes = [Node.of(each, None, with_versions(each, infos)) for each in order(spec)]
    return offer(spec.name, nodes, title=spec.gateway.title, description=spec.gateway.description)


def _along(name: str, nodes: Sequence[Node]) -> EndpointInfo:
    """One endpoint's way through the graph, each edge checked."""
    givers: dict[str, list[tuple[Node, EndpointInfo]]] = {REQUEST: []}  # whose output leaves a node
    entries: list[tuple[Node, EndpointInfo]] = []
    for node in nodes:
        before = [giver for need in node.needs for giver in givers[need]]
        endpoint = node.info.endpoint(name) if node.info is not None else None
        if endpoint is None:
            givers[node.name] = before
            continue
        if not before:
            entries.append((node, endpoint))
        for giver, given in before:
            _check_edge(name, giver, given, node, endpoint)
        if node.when is not None:
            _check_condition(name, node, endpoint, [given.output for _, given in before] or [endpoint.input])
        givers[node.name] = [(node, endpoint)]
    awaited = [node for node in nodes if not node.floating]
    needed = {need for node in awaited for need in node.needs}
    last = [giver for node in awaited if node.name not in needed for giver in givers[node.name]]
    first = next((info for node, info in entries if not node.floating), entries[0][1])
    final = last[-1][1] if last else replace(first, kind='docs', output=first.input)
    parameters = next((each.parameters for each in _all(name, nodes) if each.parameters), None)
    doc = next((each.doc for each in reversed([*_all(name, nodes)]) if each.doc), '')  # what it is all for
    return EndpointInfo(
        name=name,
        kind=_kind(name, awaited, final),
        input=first.input,
        output=final.output,
        parameters=parameters,
        doc=doc,
        idempotent=all(each.idempotent for each in _all(name, nodes)),
        takes_each=first.takes_each,
    )


def _kind(name: str, nodes: Sequence[Node], final: EndpointInfo) -> Kind:
    """A stream, if anyone on the way answers in parts: what stands behind it does so too."""
    return 'stream' if any(each.kind == 'stream' for each in _all(name, nodes)) else final.kind


def _check_condition(name: str, node: Node, endpoint: EndpointInfo, inputs: Sequence[DocSchema]) -> None:
    """A condition asks for fields that are there, and what passes around fits beside what the node gives."""
    assert node.when is not None
    for given in inputs:
        try:
            node.when.check(class_from(given))
        except DocumentError as error:
            raise SpecError(
                f'when of {node.name!r} at endpoint {name!r}, for documents of class {given.name}: '
                f'{error.message}',
                help=error.help,
            ) from None
        problems = mismatches(given, endpoint.output)
        if problems:
            raise SpecError(
                f'{node.name!r} has a condition, and the documents that pass around it ({given.name}) do not '
                f'fit beside those that it gives ({endpoint.output.name}): {"; ".join(problems)}',
                help=f'let {node.name!r} give the class that it takes, with defaults for what is new',
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
