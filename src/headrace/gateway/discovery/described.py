"""The replicas of a Flow in; out, what the Flow offers, as its workers say; and who of them does not fit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from headrace.errors import HeadraceError, StartError
from headrace.gateway import elsewhere
from headrace.gateway.discovery.following import Following
from headrace.gateway.discovery.offers import Offers
from headrace.gateway.orders import Target
from headrace.gateway.upstream import reason_of
from headrace.observe.log import named
from headrace.pipeline.describe import ExecutorInfo, FlowInfo
from headrace.pipeline.offer import check_types
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.versions import split
from headrace.wire import Connection
from headrace.wire.tls import Contexts

PATIENCE_S = 5.0
"""How long all versions of all executors may take to be there, before the gateway begins without some."""

ANSWER_S = 5.0
"""How long a worker may take to accept a connection and introduce itself."""

AT_ONCE = 64
"""How many workers of a target are asked at once."""

AGAIN_S = 0.25
TOLD_FIRST_S, TOLD_EVERY_S = 5.0, 30.0
"""When whoever reads the log hears for whom is waited, and how often after that."""

_log = logging.getLogger(__name__)


class Described:
    """Asks one replica of each target what it offers; from then on the others have to offer the same.

    Versions of an executor that are not there, or do not fit, are done without as long as one does that gets
    requests: `on_join` is told of those that come later. `wait` is told for whom is waited.
    """

    def __init__(
        self, flow: FlowSpec, following: Following, tls: Contexts | None, wait: Callable[[str], None]
    ) -> None:
        self._flow = flow
        self._following = following
        self._tls = tls
        self._wait = wait
        self.on_join: Callable[[str, ExecutorInfo], None] | None = None
        self._offers = {
            executor.name: Offers(executor, following.sources)
            for executor in flow.executors
            if not executor.join and not executor.external
        }
        self._away = {*map(str, following.sources)}
        self._troubles: dict[str, str] = {}

    async def flow(self) -> FlowInfo:
        """What the Flow offers, when a version of each executor has answered, however long that takes.

        Other versions have `PATIENCE_S`. Raises SpecError if executors do not fit each other.
        """
        self._say()
        telling = asyncio.ensure_future(self._tell())
        externals = [executor for executor in self._flow.executors if executor.external]
        self._away |= {executor.name for executor in externals}
        try:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(self._external(executor)) for executor in externals]
                targets = [group.create_task(self._target(each)) for each in self._following.sources]
                await self._enough(asked, targets)
                infos = {name: offers.begin() for name, offers in self._offers.items()}
                for task in targets:
                    task.cancel()
        except* HeadraceError as errors:
            raise _first(errors) from None
        finally:
            telling.cancel()
        for name, why in self.left_out.items():
            _log.warning('the gateway begins without %r, which it uses when it comes and fits: %s', name, why)
        return check_types(self._flow, {**infos, **{task.result().name: task.result() for task in asked}})

    @property
    def left_out(self) -> dict[str, str]:
        """The versions without which the Flow has begun, and why."""
        return {name: why for offers in self._offers.values() for name, why in offers.left_out.items()}

    async def _enough(
        self, externals: Sequence[asyncio.Task[ExecutorInfo]], targets: Sequence[asyncio.Task[None]]
    ) -> None:
        """Wait until all have said what they offer; if it takes long, until each executor has a version."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        while waiting := [task for task in (*externals, *targets) if not task.done()]:
            is_late = clock() - begun >= PATIENCE_S and all(task.done() for task in externals)
            if is_late and all(offers.first() for offers in self._offers.values()):
                return
            await asyncio.wait(waiting, timeout=AGAIN_S)

    def weigh(self, executor: str, weights: Mapping[str, float]) -> None:
        """From now on these are the shares of the versions of an executor."""
        self._offers[executor].weights = weights

    def misfit(self, target: Target, connection: Connection) -> str:
        """What is wrong with a worker that answers for a target; '' if nothing is."""
        if connection.info is None:
            return 'it does not say what it offers'
        flow = named(self._flow.name)
        if flow and connection.flow and flow != connection.flow:
            return f'it is of flow {connection.flow!r}, and not of {flow!r}'
        if connection.target and connection.target != str(target):
            return f'it is {connection.target}, and not {target}'
        offers = self._offers[split(target.executor)[0]]
        before = {*offers.usable}
        objection = offers.objection(target, connection.info)
        for name in offers.usable - before:
            _log.info('%r fits, and is used from now on', name)
            if self.on_join is not None:
                self.on_join(name, offers.info(name))
        return objection

    def outdated(self, refused: Collection[Target], at_work: Mapping[str, bool]) -> list[Target]:
        """Whose workers are `refused`, and could be used by a gateway that begins now, and have to be."""
        return [
            target
            for name, offers in self._offers.items()
            for target in offers.outdated(refused, is_at_work=at_work[name])
        ]

    async def _target(self, target: Target) -> None:
        while True:
            addresses = [*self._following.found.get(target, {}).values()]
            for first in range(0, len(addresses), AT_ONCE):
                if await self._any_met(target, addresses[first : first + AT_ONCE]):
                    self._away.discard(str(target))
                    self._troubles.pop(str(target), None)
                    self._say()
                    return
            await self._news()

    async def _any_met(self, target: Target, addresses: Sequence[str]) -> bool:
        """Whether one of them is a worker that can be used: whoever is silent holds up no other."""
        waiting = {asyncio.ensure_future(self._met(target, address)) for address in addresses}
        try:
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if any(task.result() for task in done):
                    return True
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        return False

    async def _met(self, target: Target, address: str) -> bool:
        """Whether the worker at an address says what it offers, and is no other."""
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
        return not trouble

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


def _first(errors: BaseExceptionGroup[HeadraceError]) -> HeadraceError:
    for error in errors.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError('an empty group')
