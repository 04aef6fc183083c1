"""A FlowSpec in; out: whether its executors form a graph that can run, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from keyword import iskeyword

from headrace.errors import SpecError
from headrace.spec.conditions import check_conditions, check_external, check_floating
from headrace.spec.devices import check_wish
from headrace.spec.gateway import door_of
from headrace.spec.records import GATEWAY, ExecutorSpec, FlowSpec
from headrace.spec.sharding import check_shards
from headrace.spec.source import Path, Source
from headrace.spec.suggest import did_you_mean
from headrace.spec.versions import check_versions, each_version

NOWHERE = Source()


def check(spec: FlowSpec, *, source: Source = NOWHERE) -> None:
    """Raise SpecError for the first thing that keeps this Flow from running; types are checked elsewhere.

    >>> check(FlowSpec(executors=(ExecutorSpec(name='a', needs=('b',)),)))
    Traceback (most recent call last):
    headrace.errors.SpecError: executors[0].needs[0]: executor 'a' needs 'b', which does not exist
      help: names: gateway
    """
    check_doors(spec, source)
    check_growing(spec, source)
    _check_ends(spec, source)


def check_growing(spec: FlowSpec, source: Source = NOWHERE) -> None:
    """Raise SpecError for what no later executor can mend: a wrong name, an unknown need, a circle."""
    _check_names(spec.executors, source)
    _check_needs(spec.executors, source)
    _check_replicas(spec.executors, source)
    _check_devices(spec.executors, source)
    check_shards(spec.executors, source)
    check_versions(spec.executors, source)
    check_external(spec.executors, source)
    check_floating(spec.executors, source)
    check_conditions(spec.executors, source)
    loop = find_cycle({executor.name: executor.needs for executor in spec.executors})
    if loop:
        index = [executor.name for executor in spec.executors].index(loop[0])
        raise source.error(
            ('executors', index, 'needs'),
            f'these executors wait for each other in a circle: {" -> ".join([*loop, loop[0]])}',
            help='take one of these names out of a `needs`',
        )


def check_doors(spec: FlowSpec, source: Source = NOWHERE) -> None:
    """Raise SpecError unless every door of the gateway has a port of its own."""
    protocols, ports = spec.gateway.protocols, spec.gateway.ports
    if len(set(protocols)) < len(protocols):
        raise source.error(('gateway', 'protocol'), f'a protocol is listed twice: {", ".join(protocols)}')
    doors = list(dict.fromkeys(map(door_of, protocols)))
    if ports and len(ports) != len(doors):
        raise source.error(
            ('gateway', 'port'),
            f'{_counted(len(ports), "port")} for {_counted(len(doors), "door")} ({", ".join(doors)})',
            help='give one port for grpc and one for all others, in the order of the protocols, or none',
        )
    taken = [port for port in ports if port]
    if len(set(taken)) < len(taken):
        raise source.error(
            ('gateway', 'port'), 'grpc and the other protocols cannot share a port', help='0 is a free port'
        )


def _counted(number: int, noun: str) -> str:
    return f'{number} {noun}' if number == 1 else f'{number} {noun}s'


def order(spec: FlowSpec) -> tuple[ExecutorSpec, ...]:
    """The executors, each after all that it needs; otherwise as they were written.

    Raises SpecError if there is a cycle or an unknown name.
    """
    placed = {GATEWAY}
    ordered: list[ExecutorSpec] = []
    waiting = list(spec.executors)
    while waiting:
        ready = next((executor for executor in waiting if placed.issuperset(executor.needs)), None)
        if ready is None:
            check(spec)
            raise AssertionError('a Flow that passes check() can be ordered')
        waiting.remove(ready)
        placed.add(ready.name)
        ordered.append(ready)
    return tuple(ordered)


def terminals(spec: FlowSpec) -> tuple[ExecutorSpec, ...]:
    """The executors that nobody needs: their results are the answer; at most one after check().

    Floating ones are none, and do not need anybody in this sense: the answer does not wait for them.
    """
    awaited = [executor for executor in spec.executors if not executor.floating]
    needed = {name for executor in awaited for name in executor.needs}
    return tuple(executor for executor in awaited if executor.name not in needed)


def last(spec: FlowSpec) -> str:
    """The name that the next executor needs unless told otherwise: the newest one, else the gateway.

    A floating one is passed over: nobody waits for it.
    """
    return next((each.name for each in reversed(spec.executors) if not each.floating), GATEWAY)


def find_cycle(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names of one circle, each needing the next; () if there is none.

    >>> find_cycle({'a': ['b'], 'b': ['c'], 'c': ['b']})
    ('b', 'c')
    """
    left = {name: [other for other in others if other in needs] for name, others in needs.items()}
    while True:  # take away what waits for nobody; what is left at the end waits in circles
        free = [name for name, others in left.items() if not others]
        if not free:
            break
        for name in free:
            del left[name]
        left = {name: [other for other in others if other in left] for name, others in left.items()}
    if not left:
        return ()
    walk = [next(iter(left))]
    while (step := left[walk[-1]][0]) not in walk:
        walk.append(step)
    return tuple(walk[walk.index(step) :])


def _check_names(executors: Sequence[ExecutorSpec], source: Source) -> None:
    first: dict[str, int] = {}
    for index, executor in enumerate(executors):
        name, path = executor.name, ('executors', index, 'name')
        if not name.isidentifier() or iskeyword(name):
            raise source.error(
                path,
                f'{name!r} cannot be the name of an executor: it has to be a Python identifier',
                help=f'for example {_identifier(name)!r}',
            )
        if name == GATEWAY:
            raise source.error(
                path, "'gateway' is the name of the Flow's front door", help='choose another name'
            )
        if name in first:
            raise source.error(
                path,
                f'two executors are called {name!r} (the first is executors[{first[name]}])',
                help='rename one',
            )
        first[name] = index


def _check_needs(executors: Sequence[ExecutorSpec], source: Source) -> None:
    names = [executor.name for executor in executors]
    for index, executor in enumerate(executors):
        for position, need in enumerate(executor.needs):
            path: Path = ('executors', index, 'needs', position)
            if need == executor.name:
                raise source.error(
                    path, f'executor {need!r} needs itself', help='take it out of its own `needs`'
                )
            if need != GATEWAY and need not in names:
                others = [name for name in names if name != executor.name]
                raise source.error(
                    path,
                    f'executor {executor.name!r} needs {need!r}, which does not exist',
                    help=did_you_mean(need, [GATEWAY, *others], noun='names'),
                )
            if need in executor.needs[:position]:
                raise source.error(
                    path, f'executor {executor.name!r} needs {need!r} twice', help='say it once'
                )


def _numbered(executors: Sequence[ExecutorSpec]) -> Iterator[tuple[int, ExecutorSpec]]:
    """Every version of every executor, with where that stands."""
    for index, executor in enumerate(executors):
        for version in each_version((executor,)):
            yield index, version


def _check_replicas(executors: Sequence[ExecutorSpec], source: Source) -> None:
    for index, executor in _numbered(executors):
        if not 1 <= executor.least <= executor.most:
            raise source.error(
                ('executors', index, 'replicas'),
                f'executor {executor.name!r} cannot have {executor.replicas} replicas',
                help='a number from 1 on, or two: [least, most]',
            )


def _check_devices(executors: Sequence[ExecutorSpec], source: Source) -> None:
    for index, executor in _numbered(executors):
        try:
            check_wish(executor)
        except SpecError as error:
            path: Path = ('executors', index, 'gpus' if executor.gpus != '' else 'env')
            raise source.error(path, error.message, help=error.help) from None


def _check_ends(spec: FlowSpec, source: Source) -> None:
    ends = [executor.name for executor in terminals(spec)]
    if len(ends) > 1:
        index = [executor.name for executor in spec.executors].index(ends[0])
        raise source.error(
            ('executors', index),
            f'the Flow ends in {len(ends)} places ({", ".join(ends)}), but it can give one answer only',
            help=f'join them: Flow.needs_all(), YAML {{name: end, needs: [{", ".join(ends)}], join: true}}',
        )


def _identifier(name: str) -> str:
    cleaned = ''.join(char if char.isidentifier() or char.isdigit() else '_' for char in name) or 'executor'
    return cleaned if cleaned.isidentifier() and not iskeyword(cleaned) else f'e_{cleaned}'
