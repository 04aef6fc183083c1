"""In-process: the whole Flow on the caller's event loop, with no process and no port."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from headrace.errors import DeadlineExceeded, SpecError
from headrace.executors import Executor, close
from headrace.gateway.elsewhere import Elsewhere
from headrace.gateway.finished import Finished
from headrace.gateway.measuring import Measuring
from headrace.gateway.observer import Observer
from headrace.gateway.profiling import Profiled, Profiler
from headrace.observe.metrics.store import Store
from headrace.observe.tracing import begun
from headrace.pipeline import Batch, Context, Graph, Handler, Node
from headrace.pipeline.ahead import ahead
from headrace.pipeline.context import too_late
from headrace.pipeline.describe import FlowInfo
from headrace.pipeline.offer import check_types
from headrace.pipeline.spans import FLUSH_S, requested, visit
from headrace.pipeline.substitutes import with_versions
from headrace.pipeline.versions import Version, Versions
from headrace.places.blueprints import load
from headrace.places.containers import is_image
from headrace.places.elsewhere import called_elsewhere, described_elsewhere
from headrace.places.inline import built
from headrace.places.levels import with_level
from headrace.places.running import Change
from headrace.recording.recorder import Recorder
from headrace.recording.writing import Written
from headrace.spec import FlowSpec, order
from headrace.spec.observe import LogLevel, RecordSpec
from headrace.spec.paths import anchored_observe
from headrace.spec.tracing import tracing_settings
from headrace.spec.versions import each_version, shares, versions_of, with_version

if TYPE_CHECKING:
    from headrace.observe.tracing.tracing import Tracing

PROTOCOL = 'in-process'
"""How requests come that come through no door."""


class InProcess:
    """Executors of one Flow as one handler in this process; for tests, notebooks and debugging."""

    def __init__(
        self,
        spec: FlowSpec,
        info: FlowInfo,
        graph: Graph,
        executors: Iterable[Executor],
        links: Iterable[Elsewhere],
        tracing: Tracing | None = None,
        stores: Sequence[Store] = (),
        versions: Mapping[str, Versions] | None = None,
    ) -> None:
        self.spec = spec
        self._versions = versions or {}
        self.stores = stores
        self.info = info
        self.host = spec.gateway.host
        self.ports: Mapping[str, int] = {}
        measuring = Measuring(stores[0], (each.name for each in info.endpoints)) if stores else None
        self.observer = Observer(measuring)
        self._in_time = InTime(requested(graph, tracing), self.observer)
        self._tracing = tracing
        self.handler: Handler | None = self._in_time
        self.home = asyncio.get_running_loop()
        self.key = ''
        self._graph = graph
        self._recorder = Recorder(graph, info, PROTOCOL)
        self._grace_s = spec.timeout_stop_s
        self._executors = tuple(executors)
        self._links = tuple(links)

    @classmethod
    async def start(cls, spec: FlowSpec) -> InProcess:
        """Load every executor, check the types on every edge, then construct them."""
        _check_images(spec)
        loaded = load(spec)
        infos = {name: each.describe() for name, each in loaded.items()}
        infos |= await described_elsewhere(spec)
        info = check_types(spec, infos)
        executors: list[Executor] = []
        handlers: dict[str, Handler] = {}
        stores = [Store(process=PROTOCOL)] if spec.observe.metrics.enabled else []
        tracing = _tracing(spec, *stores)
        try:
            for name, each in loaded.items():
                handlers[name] = await built(each, infos[name], executors, tracing, stores)
        except BaseException:
            await _close(executors)  # an error there must not hide the one that matters
            raise
        links = called_elsewhere(spec, infos)
        handlers |= links
        recorded = {name: visit(each, tracing, name, 'internal') for name, each in handlers.items()}
        versions = _versions(spec, recorded, info)
        nodes = [
            Node.of(each, versions.get(each.name) or recorded.get(each.name), with_versions(each, infos))
            for each in order(spec)
        ]
        graph = Graph(nodes, floating_timeout_s=spec.gateway.timeout_s)
        flow = cls(spec, info, graph, executors, links.values(), tracing, stores, versions)
        record = anchored_observe(spec).record
        if record.path:
            try:
                await flow.record(record)
            except BaseException:
                await flow.stop()
                raise
        return flow

    async def profile(self, most: int) -> list[Profiled]:
        """Keep where the time of requests goes, of so many at most; what was kept until now."""
        return self._in_time.profiler.keep(most)

    async def record(self, spec: RecordSpec | None) -> Written:
        """Record requests from now on; or, without a spec, no more: what became of them."""
        if spec is None:
            return await self._recorder.end()
        self._recorder.begin(spec)
        return Written()

    async def scale(self, name: str, change: Change) -> None:
        """Its executors are part of this process: their number stays."""
        raise _fixed(name)

    async def update(self, name: str, change: Change) -> None:
        """Its executors are part of this process: their code and arguments stay."""
        raise _fixed(name)

    async def weigh(self, name: str, change: Change) -> None:
        """Divide the requests among the versions of an executor as `change` says, from now on."""
        executor = change(self.spec)
        self._versions[name].weigh(shares(executor))
        self.spec = with_version(self.spec, executor)

    async def log_level(self, name: str, level: LogLevel) -> None:
        """Let the `self.logger` of an executor log from `level` on: others belong to the program."""
        self.spec = with_version(self.spec, with_level(self.spec, name, level))
        logging.getLogger(f'headrace.executor.{name}').setLevel(level)

    async def stop(self) -> None:
        """Let floating work finish, then close every executor."""
        self.handler = None
        await self._graph.close(self._grace_s)
        await self._recorder.end()
        await asyncio.gather(*(link.close() for link in self._links))
        errors = await _close(reversed(self._executors))
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close, FLUSH_S)
        for error in errors:
            raise error

    async def watch(self) -> str:
        """Nothing of it can end alone."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never

    def __repr__(self) -> str:
        return f'<InProcess {self._graph}>'


class InTime:
    """A graph as a Handler, with the request's deadline kept even by executors that do not look at it.

    It is what doors are elsewhere: `observer` is told of every request.
    """

    def __init__(self, graph: Graph, observer: Observer) -> None:
        self._graph = graph
        self._observer = observer
        self.profiler = Profiler(observer)

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        with self._told(batch, context):
            return await self._answer(batch, context)

    @contextmanager
    def _told(self, batch: Batch, context: Context) -> Iterator[Finished]:
        """One request, from its beginning to its end, which the observer is told."""
        observer, finished = self._observer, Finished(PROTOCOL, perf_counter())
        finished.goes_on(context, len(batch))
        finished.received_bytes = sum(payload.nbytes for _, payload in batch.sources)
        observer.came(PROTOCOL)
        try:
            yield finished
            finished.status = 200
        except BaseException as error:
            finished.failed(error)
            raise
        finally:
            observer.left(PROTOCOL)
            observer.ended(finished)

    async def _answer(self, batch: Batch, context: Context) -> Batch:
        try:
            async with asyncio.timeout(context.left_s()):
                return await self._graph(batch, context)
        except TimeoutError as error:
            if isinstance(error, DeadlineExceeded):
                raise
            raise too_late(context.endpoint) from None

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer in parts."""
        is_first = True
        with self._told(batch, context) as finished:
            async with aclosing(ahead(self._graph.stream(batch, context), context)) as parts:
                async for part in parts:
                    if is_first:
                        is_first, seconds = False, perf_counter() - finished.started
                        self._observer.first_item(seconds, protocol=PROTOCOL, endpoint=context.endpoint)
                    yield part

    def __repr__(self) -> str:
        return f'<InTime {self._graph}>'


def _versions(spec: FlowSpec, handlers: Mapping[str, Handler], info: FlowInfo) -> dict[str, Versions]:
    """What divides the requests of each executor that has several versions."""
    infos = {each.name: each for each in info.executors}
    return {
        executor.name: Versions.of(
            executor,
            {name: Version(each.name, handlers[each.name]) for name, each in versions_of(executor).items()},
            infos.get(executor.name),
        )
        for executor in spec.executors
        if executor.versions
    }


def _tracing(spec: FlowSpec, store: Store | None = None) -> Tracing | None:
    return begun(
        tracing_settings(spec.observe.traces, flow=spec.name, service=spec.name, process='in-process'),
        store=store,
    )


def _fixed(name: str) -> SpecError:
    return SpecError(
        f'executor {name!r} cannot change while the Flow runs: it is part of this process',
        help="start the Flow with place='local', or start it anew",
    )


def _check_images(spec: FlowSpec) -> None:
    for executor in each_version(spec.executors):
        if is_image(executor):
            raise SpecError(
                f'executor {executor.name!r} is an image, and in this process there are no containers',
                help='start the Flow with place: local, or name the class of the executor in `uses`',
            )


async def _close(executors: Iterable[Executor]) -> list[Exception]:
    """Close every executor; the errors of those that could not be."""
    errors = []
    for executor in executors:
        try:
            await close(executor)
        except Exception as error:
            errors.append(error)
    return errors
