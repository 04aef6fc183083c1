"""The replicas of a Flow in; out, what the Flow offers, as its workers say; and who of them does not fit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from headrace.errors import HeadraceError, SpecError, StartError
from headrace.gateway import elsewhere
from headrace.gateway.discovery.following import Following
from headrace.gateway.orders import Target
from headrace.gateway.upstream import reason_of
from headrace.pipeline.assembly import described
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo, FlowInfo
from headrace.pipeline.offer import check_types
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.versions import each_version
from headrace.wire import Connection
from headrace.wire.tls import Contexts

ANSWER_S = 5.0
"""How long a worker may take to accept a connection and introduce itself."""

AGAIN_S = 0.25
TOLD_FIRST_S, TOLD_EVERY_S = 5.0, 30.0
"""When whoever reads the log hears for whom is waited, and how often after that."""

_log = logging.getLogger(__name__)


class Described:
    """Asks one replica of each target what it offers; from then on the others have to offer the same.

    `wait` is told for whom is waited.
    """

    def __init__(
        self, flow: FlowSpec, following: Following, tls: Contexts | None, wait: Callable[[str], None]
    ) -> None:
        self._flow = flow
        self._following = following
        self._tls = tls
        self._wait = wait
        self._known: dict[Target, ExecutorInfo] = {}
        self._away = {*map(str, following.sources)}
        self._troubles: dict[str, str] = {}

    async def flow(self) -> FlowInfo:
        """What the Flow offers, when somebody of each executor has answered, however long that takes.

        Raises SpecError if they do not fit each other.
        """
        self._say()
        telling = asyncio.ensure_future(self._tell())
        externals = [executor for executor in self._flow.executors if executor.external]
        self._away |= {executor.name for executor in externals}
        try:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(self._external(executor)) for executor in externals]
                for target in self._following.sources:
                    group.create_task(self._target(target))
        except* HeadraceError as errors:
            raise _first(errors) from None
        finally:
            telling.cancel()
        infos = {
            executor.name: self._assembled(executor)
            for executor in each_version(self._flow.executors)
            if not executor.join and not executor.external
        }
        return check_types(self._flow, {**infos, **{task.result().name: task.result() for task in asked}})

    def misfit(self, target: Target, connection: Connection) -> str:
        """What is wrong with a worker that answers for a target; '' if nothing is."""
        if connection.info is None:
            return 'it does not say what it offers'
        if connection.target and connection.target != str(target):
            return f'it is {connection.target}, and not {target}'
        known = self._known.get(target)
        if known is not None and offered(known) != offered(connection.info):
            news = _difference(known, connection.info)
            return f'it does not offer what {target} offered when this gateway began: {news}'
        return ''

    def _assembled(self, executor: ExecutorSpec) -> ExecutorInfo:
        """One executor with all its parts; SpecError if they do not fit, or its shards differ."""
        name = executor.name
        own = self._known[Target(name)]
        for shard in range(1, executor.shards):
            other = self._known[Target(name, shard=shard)]
            if offered(other) != offered(own):
                raise SpecError(
                    f'the shards of executor {name!r} do not offer the same: {_difference(own, other)}',
                    help='let all of them run the same version',
                )
        return described(
            executor,
            own,
            self._known.get(Target(name, part='before')),
            self._known.get(Target(name, part='after')),
        )

    async def _target(self, target: Target) -> None:
        while target not in self._known:
            for address in [*self._following.found.get(target, {}).values()]:
                info = await self._met(target, address)
                if info is not None:
                    self._known[target] = info
                    self._away.discard(str(target))
                    self._troubles.pop(str(target), None)
                    self._say()
                    return
            await self._news()

    async def _met(self, target: Target, address: str) -> ExecutorInfo | None:
        """What the worker at an address says; None if nobody does, or somebody else."""
        connection: Connection = Connection(address, tls=self._tls)
        try:
            async with asyncio.timeout(ANSWER_S):
                await connection.open()
            trouble = self.misfit(target, connection)
        except (OSError, HeadraceError, TimeoutError) as error:
            trouble = reason_of(error)
        finally:
            connection.abort()
        if trouble:
            self._troubles[str(target)] = f'{address}: {trouble}'
            self._say()
            return None
        return connection.info

    async def _external(self, executor: ExecutorSpec) -> ExecutorInfo:
        while True:
            try:
                info = await elsewhere.described(executor, base=self._flow.base)
            except StartError as error:
                self._troubles[executor.name] = error.message
                self._say()
            else:
                self._away.discard(executor.name)
                self._say()
                return info

    async def _news(self) -> None:
        """Wait a moment, or until other replicas are known."""
        self._following.changed.clear()
        try:
            await asyncio.wait_for(self._following.changed.wait(), AGAIN_S)
        except TimeoutError:
            pass

    def _say(self) -> None:
        told = [
            f'{name} ({self._troubles[name]})' if name in self._troubles else name
            for name in sorted(self._away)
        ]
        self._wait(f'waiting for a replica of {", ".join(told)}' if told else 'its doors open')

    async def _tell(self) -> None:
        await asyncio.sleep(TOLD_FIRST_S)
        while True:
            for name in sorted(self._away):
                sources = self._following.sources.items()
                source = next((each for target, each in sources if str(target) == name), None)
                trouble = self._troubles.get(name) or getattr(source, 'trouble', '') or 'none is known'
                where = '' if source is None else f' at {source}'
                _log.warning('no replica of %s answers%s: %s', name, where, trouble)
            await asyncio.sleep(TOLD_EVERY_S)


def offered(info: ExecutorInfo) -> tuple[object, ...]:
    """What callers of an executor depend on."""
    return info.name, {each.name: _taken(each) for each in info.endpoints}


def _taken(endpoint: EndpointInfo) -> tuple[object, ...]:
    return endpoint.kind, endpoint.input, endpoint.output


def _difference(known: ExecutorInfo, other: ExecutorInfo) -> str:
    if known.name != other.name:
        return f'{other.name!r} in place of {known.name!r}'
    mine, theirs = (
        {each.name: each for each in known.endpoints},
        {each.name: each for each in other.endpoints},
    )
    lacks = [name for name in mine if name not in theirs]
    adds = [name for name in theirs if name not in mine]
    differs = [name for name in mine if name in theirs and _taken(mine[name]) != _taken(theirs[name])]
    words = {'lacks': lacks, 'adds': adds, 'has other documents at': differs}
    return '; '.join(f'it {word} {", ".join(names)}' for word, names in words.items() if names)


def _first(errors: BaseExceptionGroup[HeadraceError]) -> HeadraceError:
    for error in errors.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError('an empty group')
