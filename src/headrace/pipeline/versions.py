"""The versions of one executor as one handler: each request goes to one of them, and all get their shares."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from time import perf_counter
from typing import NamedTuple, Protocol
from zlib import crc32

from headrace.errors import Overloaded, RequestError, Unavailable
from headrace.pipeline.addressed import addressed
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.handler import Handler, streamed
from headrace.pipeline.hops import arrived, failed
from headrace.spec.records import ExecutorSpec
from headrace.spec.suggest import did_you_mean
from headrace.spec.versions import shares

_log = logging.getLogger(__name__)


class Line(Protocol):
    """The replicas of one shard of a version, or of what comes before or after its shards."""

    @property
    def is_up(self) -> bool:
        """Whether one of them takes calls."""


class Version(NamedTuple):
    """One version: what it is called in the Flow, its handler, and all that it needs to work."""

    name: str
    handler: Handler
    lines: Sequence[Line] = ()

    @property
    def is_up(self) -> bool:
        """Whether it can work."""
        return all(line.is_up for line in self.lines)


class Versions:
    """Requests go to the versions of an executor by their weights, which may change at any time.

    Shares are kept exactly: of any 100 requests one after the other, a version with a tenth of the weights
    gets 10, and these are spread among the others. With `sticky`, requests with the same value of this
    parameter go to the same version, as long as the weights stay; more than their share moves only if they
    change. The parameter `choice` names a version itself, also one of weight 0.

    A version that has no replica which takes calls is passed over: its requests go to the others that have a
    weight. If none has, they wait for one. A version of weight 0 gets nothing that is not addressed to it.

    >>> async def echo(batch, context):
    ...     return batch
    >>> both = {'main': Version('a', echo), 'v2': Version('a/v2', echo)}
    >>> versions = Versions('a', both, {'main': 3, 'v2': 1})
    >>> [versions.next() for _ in range(4)]
    ['main', 'main', 'v2', 'main']
    """

    tells = True
    """Which version was visited is told here, in place of the node."""

    def __init__(
        self,
        name: str,
        versions: Mapping[str, Version],
        weights: Mapping[str, float],
        *,
        sticky: str = '',
        choice: str = '',
        info: ExecutorInfo | None = None,
    ) -> None:
        self.name = name
        self.versions = dict(versions)
        self._sticky = sticky
        self._choice = choice
        self._info = info
        self._away: set[str] = set()
        self.weigh(weights)

    @classmethod
    def of(
        cls, spec: ExecutorSpec, versions: Mapping[str, Version], info: ExecutorInfo | None = None
    ) -> Versions:
        """The versions of an executor as its spec wants them."""
        return cls(
            spec.name, versions, shares(spec), sticky=spec.sticky, choice=spec.version_parameter, info=info
        )

    def weigh(self, weights: Mapping[str, float]) -> None:
        """From now on these are the shares; those who are not named get nothing."""
        self.weights = {name: float(weights.get(name, 0.0)) for name in self.versions}
        self._ahead = dict.fromkeys(self.versions, 0.0)

    def put(self, name: str, version: Version) -> None:
        """From now on this is the version of that name."""
        self.versions[name] = version

    def next(self) -> str:
        """The version whose turn it is: the one that is furthest behind its share."""
        candidates = self._candidates()
        ahead, best, total = self._ahead, '', 0.0
        for name, weight in candidates.items():
            total += weight
            ahead[name] += weight
            if not best or ahead[name] > ahead[best]:
                best = name
        ahead[best] -= total
        return best

    def _candidates(self) -> dict[str, float]:
        """The versions that may be asked, with their weights: those that can work, or if none can, all."""
        weighed = {name: weight for name, weight in self.weights.items() if weight}
        able = {name: weight for name, weight in weighed.items() if self.versions[name].is_up}
        if len(able) != len(weighed) or self._away:
            self._tell(weighed.keys() - able.keys(), weighed)
        return able or weighed

    def _tell(self, away: set[str], weighed: Mapping[str, float]) -> None:
        """Say once when a version begins to be passed over, and when it is back."""
        for name in sorted(away - self._away):
            version = self.versions[name].name
            _log.warning('no replica of %r works: its share of requests goes to other versions', version)
        for name in sorted(self._away - away):
            if name in weighed:
                _log.info('%r works again, and gets its share of requests', self.versions[name].name)
        self._away = away

    def _at(self, value: str) -> str:
        """The version of a sticky value: each has a stretch of all values that is as long as its weight."""
        candidates = self._candidates()
        at = crc32(value.encode()) / 2**32 * sum(candidates.values())
        for name, weight in candidates.items():
            at -= weight
            if at < 0:
                return name
        return next(reversed(candidates))

    def chosen(self, batch: Batch) -> tuple[str, bool]:
        """The version for a request, and whether it must be this one."""
        if self._choice:
            named = addressed(batch.parameters, self.name).get(self._choice)
            if named is not None:
                if not isinstance(named, str) or named not in self.versions:
                    raise RequestError(
                        f'executor {self.name!r} has no version {named!r} (parameter {self._choice!r})',
                        help=did_you_mean(str(named), [*self.versions], noun='versions'),
                    )
                return named, True
        value = batch.parameters.get(self._sticky) if self._sticky else None
        return (self.next() if value is None else self._at(str(value))), False

    def _order(self, batch: Batch) -> Iterator[str]:
        """The version for a request; after that those that may do it in its place, if it cannot."""
        first, is_named = self.chosen(batch)
        yield first
        if not is_named:
            yield from (name for name in self._candidates() if name != first)

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        first: Unavailable | None = None
        for name in self._order(batch):
            context.check()
            version, begun = self.versions[name], perf_counter()
            try:
                answer = await version.handler(batch, context)
            except BaseException as error:
                failed(context, version.name, begun, error)
                if not isinstance(error, Unavailable) or not self._may_move(error, context):
                    raise
                first = first or error
            else:
                arrived(context, version.name, begun, answer)
                return answer
        assert first is not None
        raise first

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer in parts; when one has come, no other version is asked."""
        first: Unavailable | None = None
        for name in self._order(batch):
            context.check()
            version, begun, has_begun = self.versions[name], perf_counter(), False
            try:
                async with aclosing(streamed(version.handler)(batch, context)) as parts:
                    async for part in parts:
                        has_begun = True
                        yield part
            except BaseException as error:
                failed(context, version.name, begun, error)
                if has_begun or not isinstance(error, Unavailable) or not self._may_move(error, context):
                    raise
                first = first or error
            else:
                arrived(context, version.name, begun, batch)
                return
        assert first is not None
        raise first

    def _may_move(self, error: Unavailable, context: Context) -> bool:
        """Whether another version may do what one could not: it had not begun, or may be done twice."""
        if error.answered or isinstance(error, Overloaded):  # too much for one shall not drown another
            return False
        endpoint = self._info.endpoint(context.endpoint) if self._info is not None else None
        return not error.begun or endpoint is None or endpoint.idempotent

    def __repr__(self) -> str:
        told = ', '.join(f'{name} {weight:g}' for name, weight in self.weights.items())
        return f'<Versions of {self.name}: {told}>'
