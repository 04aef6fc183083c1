"""The shards of one executor, and what comes before and after them, as the one handler of a node."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from msgspec.structs import replace

from headrace.documents.mismatch import mismatches
from headrace.errors import SpecError
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, ExecutorInfo
from headrace.pipeline.handler import Handler, streamed
from headrace.pipeline.shards import Shards
from headrace.spec.polling import polled
from headrace.spec.records import ExecutorSpec
from headrace.spec.suggest import did_you_mean


def assembled(
    spec: ExecutorSpec,
    info: ExecutorInfo | None,
    shards: Sequence[Handler],
    before: Handler | None = None,
    after: Handler | None = None,
) -> Handler:
    """One executor of a Flow as one handler; a single shard with nothing around it is that shard itself.

    Each shard may be an executor, a connection to one, or its replicas. `before` gets each request first;
    `after` gets what the shards gave, one source for each, in place of the merge.
    """
    handler: Handler = shards[0]
    if len(shards) > 1 or after is not None:
        handler = Shards(spec.name, shards, spec.polling, info=info, no_reduce=spec.no_reduce, after=after)
    return handler if before is None else _After(before, handler)


def described(
    spec: ExecutorSpec,
    info: ExecutorInfo,
    before: ExecutorInfo | None = None,
    after: ExecutorInfo | None = None,
) -> ExecutorInfo:
    """What an executor takes and gives together with what comes before and after its shards.

    Raises SpecError if one of them gives what the next does not accept, or if `polling` names an endpoint
    that the executor does not have.
    """
    if not info.endpoint(DEFAULT_ENDPOINT):
        known = [endpoint.name for endpoint in info.endpoints]
        for name in polled(spec):
            if name not in known:
                raise SpecError(
                    f'executor {spec.name!r}: polling names {name!r}, which is none of its endpoints',
                    help=did_you_mean(name, known, noun='endpoints'),
                )
    if before is None and after is None:
        return info
    return replace(info, endpoints=tuple(_around(each, spec.name, before, after) for each in info.endpoints))


def _around(
    endpoint: EndpointInfo, name: str, before: ExecutorInfo | None, after: ExecutorInfo | None
) -> EndpointInfo:
    """One endpoint, from what comes before to what comes after; these need not have it."""
    first = before.endpoint(endpoint.name) if before else None
    last = after.endpoint(endpoint.name) if after else None
    if first is not None:
        _check(first, endpoint, f'{name}/before', name)
        endpoint = replace(endpoint, input=first.input)
    if last is not None:
        _check(endpoint, last, name, f'{name}/after')
        endpoint = replace(endpoint, output=last.output)
    if any(each is not None and each.kind == 'stream' for each in (first, last)):
        endpoint = replace(endpoint, kind='stream')
    return endpoint


def _check(giver: EndpointInfo, taker: EndpointInfo, giving: str, taking: str) -> None:
    problems = mismatches(giver.output, taker.input)
    if problems:
        raise SpecError(
            f'{taking!r} does not accept what {giving!r} gives it at endpoint {giver.name!r}: '
            f'{"; ".join(problems)}',
            help=f'change the document type that {giving!r} returns ({giver.output.name}) or the one that '
            f'{taking!r} takes ({taker.input.name})',
        )


class _After:
    """One handler after another, as one."""

    def __init__(self, first: Handler, second: Handler) -> None:
        self._first = first
        self._second = second

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        batch = await self._first(batch, context)
        context.check()
        return await self._second(batch, context)

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """Each part of the first goes through the second as it comes."""
        async with aclosing(streamed(self._first)(batch, context)) as parts:
            async for part in parts:
                context.check()
                async with aclosing(streamed(self._second)(part, context)) as made:
                    async for each in made:
                        yield each

    def __repr__(self) -> str:
        return f'<{self._second!r} after {self._first!r}>'
