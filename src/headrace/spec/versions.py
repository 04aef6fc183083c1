"""An executor that has several versions in; out, each of them, and its share of the requests.

The first is the executor itself, and is called `main`; another one is called `encoder/v2`, and so are its
processes and routes. All of them have the same place in the Flow: what its neighbours see is said once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from headrace.spec.records import ExecutorSpec, FlowSpec
from headrace.spec.source import Path, Source
from headrace.spec.suggest import did_you_mean

MAIN = 'main'
"""What the version is called that the executor itself describes."""

OF_MAIN = ('name', 'versions', 'weights', 'version_parameter')
"""Settings of an executor that its versions do not have."""

SHARED = (
    *('name', 'needs', 'join', 'shards', 'polling', 'no_reduce', 'when', 'floating'),
    *('external', 'host', 'port', 'tls', 'sticky', 'retries', 'max_queue'),
    *OF_MAIN[1:],
)
"""Settings that are the same for all versions: they are about the place of the executor in the Flow."""

MOST_WEIGHT = 1_000_000_000
"""The largest share that can be said: sums of such numbers are exact."""

NOWHERE = Source()

_TAKEN = ('before', 'after', 'shard', 'rep')
"""Words that have another meaning in names of processes."""


def split(name: str) -> tuple[str, str]:
    """The name of an executor, or of a version of it, as executor and version.

    >>> split('encoder/v2'), split('encoder')
    (('encoder', 'v2'), ('encoder', 'main'))
    """
    executor, _, version = name.partition('/')
    return executor, version or MAIN


def joined(executor: str, version: str) -> str:
    """What a version of an executor is called.

    >>> joined('encoder', 'v2'), joined('encoder', 'main')
    ('encoder/v2', 'encoder')
    """
    return executor if version == MAIN else f'{executor}/{version}'


def versions_of(executor: ExecutorSpec) -> dict[str, ExecutorSpec]:
    """Every version of an executor by its name, `main` first; each is an executor of its own."""
    return {MAIN: executor, **executor.versions}


def names_of(executor: ExecutorSpec) -> tuple[str, ...]:
    """What the versions of an executor are called in its Flow, `main` first.

    >>> names_of(ExecutorSpec(name='a', versions={'v2': ExecutorSpec(name='a/v2')}))
    ('a', 'a/v2')
    """
    return tuple(joined(executor.name, version) for version in versions_of(executor))


def each_version(executors: Iterable[ExecutorSpec]) -> Iterator[ExecutorSpec]:
    """Executors, and after each of them its other versions."""
    for executor in executors:
        yield executor
        yield from executor.versions.values()


def shares(executor: ExecutorSpec) -> dict[str, float]:
    """The weight of every version of an executor: 0 where none is named, all for `main` if none is.

    >>> shares(ExecutorSpec(name='a', versions={'v2': ExecutorSpec(name='a/v2')}, weights={'v2': 5}))
    {'main': 0.0, 'v2': 5.0}
    """
    weights = executor.weights or {MAIN: 1.0}
    return {name: float(weights.get(name, 0.0)) for name in versions_of(executor)}


def of_main(executor: ExecutorSpec, given: Mapping[str, Any]) -> ExecutorSpec:
    """A version as it is: the executor with what the version says otherwise.

    >>> of_main(ExecutorSpec(name='a', uses='m:A', threads=2), {'name': 'a/v2', 'uses': 'm:B'}).threads
    2
    """
    return replace(executor, **{'versions': {}, 'weights': {}, 'version_parameter': '', **given})


def differing(version: ExecutorSpec, main: ExecutorSpec) -> tuple[str, ...]:
    """The settings in which a version differs from the executor."""
    hidden = (*SHARED, 'from_environment')
    names = (name for name in version.__struct_fields__ if name not in hidden)
    return tuple(name for name in names if getattr(version, name) != getattr(main, name))


def with_version(flow: FlowSpec, version: ExecutorSpec) -> FlowSpec:
    """The Flow with `version` in the place of the executor, or of the version of one, that has its name.

    What is the same for all versions is so from then on as an executor says it.
    """
    name, own = split(version.name)

    def placed(executor: ExecutorSpec) -> ExecutorSpec:
        if executor.name != name:
            return executor
        if own == MAIN:
            same = {key: getattr(version, key) for key in SHARED if key not in OF_MAIN}
            return replace(
                version, versions={key: replace(each, **same) for key, each in version.versions.items()}
            )
        return replace(executor, versions={**executor.versions, own: version})

    return replace(flow, executors=tuple(map(placed, flow.executors)))


def versioned(flow: FlowSpec, name: str, source: Source = NOWHERE) -> ExecutorSpec:
    """The executor of this name, which has several versions; SpecError if there is none."""
    names = [executor.name for executor in flow.executors if executor.versions]
    if name not in names:
        raise source.error(
            (), f'no executor {name!r} has several versions', help=did_you_mean(name, names, noun='names')
        )
    return flow[name]


def weighed(
    flow: FlowSpec, name: str, weights: Mapping[str, int | float], source: Source = NOWHERE
) -> ExecutorSpec:
    """The executor of this name with other shares of its versions: all are given anew, else they are 0.

    Raises SpecError if it has no versions, and for shares that cannot be meant.
    """
    executor = versioned(flow, name, source)
    if not weights:
        example = f'main=90, {next(iter(executor.versions))}=10'
        raise source.error((), 'no shares are given', help=f'for example {example}')
    check_weights(executor, weights, source)
    return replace(executor, weights=dict(weights))


def check_versions(executors: Sequence[ExecutorSpec], source: Source) -> None:
    """Raise SpecError for versions and weights that cannot be meant."""
    for index, executor in enumerate(executors):
        path: Path = ('executors', index)
        _check_runs(executor, source, path)
        for name in executor.versions:
            _check_name(name, executor, source, (*path, 'versions', name))
        check_weights(executor, executor.weights, source, (*path, 'weights'))


def check_weights(
    executor: ExecutorSpec, weights: Mapping[str, int | float], source: Source, path: Path = ()
) -> None:
    """Raise SpecError unless every weight is that of a version, and one of them is above 0."""
    for name, weight in weights.items():
        if name not in versions_of(executor):
            raise source.error(
                (*path, name),
                f'executor {executor.name!r} has no version {name!r}',
                help=did_you_mean(name, [*versions_of(executor)], noun='versions'),
            )
        check_weight(weight, source, (*path, name))
    if weights and not any(weights.values()):
        raise source.error(
            path, f'no version of {executor.name!r} would get requests', help='give one of them a weight'
        )


def check_weight(weight: int | float, source: Source, path: Path) -> None:
    """Raise SpecError for a number that cannot be a share of requests."""
    if not 0 <= weight <= MOST_WEIGHT:
        shown = 'so large' if weight > MOST_WEIGHT else 'so small' if weight < -MOST_WEIGHT else f'{weight:g}'
        raise source.error(path, f'a weight cannot be {shown}', help=f'give a number from 0 to {MOST_WEIGHT}')


def _check_runs(executor: ExecutorSpec, source: Source, path: Path) -> None:
    stray = next((key for key in ('versions', 'weights', 'version_parameter') if getattr(executor, key)), '')
    if stray and (executor.join or executor.external):
        what = 'only joins' if executor.join else 'runs elsewhere'
        raise source.error(
            (*path, stray),
            f'executor {executor.name!r} {what}: nothing runs here that could have {stray}',
            help=f'take out {stray}',
        )


def _check_name(name: str, executor: ExecutorSpec, source: Source, path: Path) -> None:
    if not name.isidentifier() or name in _TAKEN:
        raise source.error(
            path,
            f'{name!r} cannot be the name of a version of {executor.name!r}',
            help='letters and digits, as in v2',
        )
    if name == MAIN:
        raise source.error(
            path, f'main is what executor {executor.name!r} says itself', help='choose another name'
        )
