"""What the versions of an executor offer in; out, what the executor offers, where any of them may answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from headrace.documents.mismatch import mismatches
from headrace.errors import SpecError
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, ExecutorInfo
from headrace.spec.records import ExecutorSpec

_PROMISES = {
    'idempotent': 'must not run twice',
    'all_shards': 'needs all of its shards',
    'reads_inputs': 'reads each input of a join',
}
"""What versions may say otherwise of an endpoint, in words."""


def with_versions(spec: ExecutorSpec, infos: Mapping[str, ExecutorInfo]) -> ExecutorInfo | None:
    """What an executor offers, as its `main` version says, and what the others do; None if nothing runs.

    Raises SpecError that names the version if one cannot stand in for `main`: it has to answer the same
    endpoints, take what main takes, and give what main gives (it may take less and give more).
    """
    main = infos.get(spec.name)
    versions = [infos[each.name] for each in spec.versions.values() if each.name in infos]
    if main is None or not versions:
        return main
    for version in versions:
        check_substitute(main, version)
    return united(main, versions)


def check_substitute(main: ExecutorInfo, version: ExecutorInfo) -> None:
    """Raise SpecError that names it unless a version can answer whatever may come to `main`."""
    for endpoint in main.endpoints:
        _check(endpoint, version, main.name)


def united(main: ExecutorInfo, versions: Sequence[ExecutorInfo]) -> ExecutorInfo:
    """What an executor offers whose versions can stand in for the first of them."""
    endpoints = tuple(_in_any(endpoint, versions) for endpoint in main.endpoints)
    return replace(main, endpoints=endpoints, versions=tuple(versions))


def check_promises(told: ExecutorInfo, version: ExecutorInfo) -> None:
    """Raise SpecError if of some endpoint less may be said with this version than has been `told` without.

    Callers have been told whether requests may run twice, and the Flow is built for the rest.
    """
    for endpoint in told.endpoints:
        less = _in_any(endpoint, [version])
        broken = [
            words for name, words in _PROMISES.items() if getattr(less, name) != getattr(endpoint, name)
        ]
        if broken:
            raise SpecError(
                f'{version.name!r} {" and ".join(broken)} at {endpoint.name!r}, other than what the '
                'gateway has told its callers since it began',
                help='start the gateway anew',
            )


def _in_any(endpoint: EndpointInfo, versions: Sequence[ExecutorInfo]) -> EndpointInfo:
    """An endpoint with what may only be said of it if it is so in all versions."""
    others = [other for each in versions if (other := each.endpoint(endpoint.name)) is not None]
    return replace(
        endpoint,
        idempotent=endpoint.idempotent and all(other.idempotent for other in others),
        all_shards=endpoint.all_shards or any(other.all_shards for other in others),
        reads_inputs=endpoint.reads_inputs or any(other.reads_inputs for other in others),
    )


def _check(main: EndpointInfo, version: ExecutorInfo, name: str) -> None:
    where = 'its default endpoint' if main.name == DEFAULT_ENDPOINT else f'endpoint {main.name!r}'
    other = version.endpoint(main.name)
    if other is None:
        raise SpecError(
            f'{version.name!r} has no {where}, which {name!r} has: a request may come to either',
            help=f'give it a method for {main.name}, or take the version out',
        )
    if (other.kind == 'stream') != (main.kind == 'stream'):
        streams, answers = (version.name, name) if other.kind == 'stream' else (name, version.name)
        raise SpecError(
            f'{streams!r} answers in parts at {where}, and {answers!r} does not: requests go to both',
            help='let both be generators, or none',
        )
    problems = mismatches(main.input, other.input)
    if problems:
        raise SpecError(
            f'{version.name!r} does not accept what {name!r} accepts at {where}: {"; ".join(problems)}',
            help=f'let it take {main.input.name}, or give new fields a default',
        )
    problems = mismatches(other.output, main.output)
    if problems:
        raise SpecError(
            f'{version.name!r} does not give what {name!r} gives at {where}: {"; ".join(problems)}',
            help=f'let it return {main.output.name}, or a class with the same fields and more',
        )
