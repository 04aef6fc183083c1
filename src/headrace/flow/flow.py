"""The Flow: executors put together into one service, started, asked and stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from msgspec.structs import replace

from headrace.errors import HeadraceError
from headrace.flow.building import (
    from_yaml,
    new,
    summary,
    to_yaml,
    with_endpoint,
    with_executor,
    with_gateway,
)
from headrace.flow.changing import change, log_level, set_weights
from headrace.flow.design import Design
from headrace.flow.recording import FlowRecording
from headrace.flow.session import Session
from headrace.flow.settings import ExecutorSettings, FlowSettings, GatewaySettings, OneOrMany
from headrace.spec import ExecutorSpec, FlowSpec, Source, terminals
from headrace.spec.paths import moved
from headrace.spec.reading import read_settings


class Flow(Design):
    """Executors as one service. A Flow is data: `add` and its like return a new Flow; `with` starts it.

        flow = Flow(port=8080, protocol='http').add(uses=Encoder).add(uses=Indexer, name='index')
        with flow:
            flow.post('/search', Document(text='red shoe'))

    `Flow(asyncio=True)` is for asynchronous code: `async with flow` and `async for docs in flow.post(...)`.
    A wrong argument raises SpecError, which says what was meant.
    """

    def __init__(
        self, name: str = 'flow', *, asyncio: bool = False, **settings: Unpack[FlowSettings]
    ) -> None:
        self._start_over(new({'name': name, **settings}), asyncio)

    def _start_over(self, spec: FlowSpec, is_async: bool) -> None:
        self.spec = spec
        self.is_async = is_async
        self._session: Session | None = None

    @classmethod
    def from_spec(cls, spec: FlowSpec, *, asyncio: bool = False) -> Flow:
        """The Flow of a spec."""
        flow = cls.__new__(cls)
        flow._start_over(spec, asyncio)
        return flow

    @classmethod
    def load_config(
        cls,
        source: str | Path | Mapping[str, Any],
        *,
        context: Mapping[str, Any] | None = None,
        asyncio: bool = False,
    ) -> Flow:
        """The Flow of a YAML file, of YAML text or of a mapping; `context` is for `${{ CONTEXT.x }}`."""
        return cls.from_spec(from_yaml(source, context), asyncio=asyncio)

    def save_config(self, path: str | Path) -> None:
        """Write the Flow as YAML; what it names by relative paths is named from the new file's folder."""
        moved_there = self.from_spec(moved(self.spec, Path(path).parent))
        Path(path).write_text(moved_there.to_yaml(), encoding='utf-8')

    def to_yaml(self) -> str:
        """The Flow as YAML that `load_config` reads."""
        return to_yaml(self.spec)

    # What the Flow is made of

    def add(
        self,
        uses: Any = None,
        *,
        name: str | None = None,
        needs: OneOrMany | None = None,
        **settings: Unpack[ExecutorSettings],
    ) -> Flow:
        """The Flow with one more executor, after the last one or after those that it `needs`.

        `uses` is a class, 'module:Class', a file or a folder; without it documents pass unchanged.
        """
        return self._with(
            with_executor(self.spec, 'Flow.add()', uses=uses, name=name, needs=needs, **settings)
        )

    def needs(
        self,
        needs: Sequence[str],
        *,
        name: str = 'joiner',
        uses: Any = None,
        **settings: Unpack[ExecutorSettings],
    ) -> Flow:
        """The Flow with the results of several executors merged by document id (or given to `uses`)."""
        fields = {'method': 'needs', 'uses': uses, 'name': name, 'needs': needs, **settings}
        return self._with(with_executor(self.spec, 'Flow.needs()', **fields))

    def needs_all(
        self, *, name: str = 'joiner', uses: Any = None, **settings: Unpack[ExecutorSettings]
    ) -> Flow:
        """The Flow with every executor whose results nobody uses yet joined into one."""
        names = [executor.name for executor in terminals(self.spec)]
        return self.needs(names, name=name, uses=uses, **settings)

    def config_gateway(self, **settings: Unpack[GatewaySettings]) -> Flow:
        """The Flow with other settings of its front door."""
        return self._with(with_gateway(self.spec, settings))

    def expose_endpoint(
        self,
        endpoint: str,
        *,
        path: str = '',
        methods: Sequence[str] = ('POST',),
        summary: str = '',
        tags: Sequence[str] = (),
    ) -> Flow:
        """The Flow with an extra HTTP route for one endpoint."""
        fields = {'path': path, 'methods': methods, 'summary': summary, 'tags': tags}
        return self._with(with_endpoint(self.spec, endpoint, fields))

    def on(self, place: Literal['local', 'in-process']) -> Flow:
        """The Flow in another place."""
        return self._with(
            replace(self.spec, place=read_settings({'place': place}, Source('Flow.on()')).place)
        )

    def _with(self, spec: FlowSpec) -> Flow:
        return type(self).from_spec(spec, asyncio=self.is_async)

    def __getitem__(self, key: str | int) -> ExecutorSpec:
        return self.spec[key] if isinstance(key, str) else self.spec.executors[key]

    def __iter__(self) -> Iterator[ExecutorSpec]:
        return iter(self.spec.executors)

    def __len__(self) -> int:
        return len(self.spec.executors)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Flow) and self.spec == other.spec

    __hash__ = None  # type: ignore[assignment]  # specs hold dicts

    # What runs

    def start(self) -> Any:
        """Start everything and wait until requests can be served; nothing runs if this raises.

        Of a Flow with `asyncio=True` both `start()` and `close()` are awaited.
        """
        if self.is_async:
            return self._begin()
        self._check_idle()
        self._session = Session.start(self.spec)
        return self

    def close(self) -> Any:
        """Stop everything; again: does nothing."""
        if self.is_async:
            return self._end()
        session, self._session = self._session, None
        if session is not None:
            session.close()
        return None

    async def _begin(self) -> Self:
        self._check_idle()
        self._session = await Session.begin(self.spec)
        return self

    async def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.end()

    def _check_idle(self) -> None:
        if self._session is not None:
            raise HeadraceError('this Flow runs already', help='close() it before it is started again')

    def __enter__(self) -> Self:
        if self.is_async:
            raise HeadraceError(
                'this Flow is asynchronous (asyncio=True)', help='start it with async with, or make a Flow()'
            )
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        if not self.is_async:
            raise HeadraceError(
                'this Flow is synchronous', help='write Flow(asyncio=True), or with flow: ...'
            )
        return await self._begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    @property
    def session(self) -> Session:
        """What runs; an error if nothing does."""
        if self._session is None:
            raise HeadraceError(
                'this Flow does not run', help='use it in a with block: with flow: flow.post(...)'
            )
        return self._session

    def block(self, stop_event: threading.Event | None = None) -> None:
        """Wait for Ctrl-C, SIGTERM or `stop_event`; raises Unavailable if a process of the Flow ends."""
        self.session.block(stop_event)

    @property
    def client(self) -> Any:
        """The client that talks to this Flow (an AsyncClient with asyncio=True)."""
        return self.session.client(self.is_async)

    def post(self, on: str = '/', inputs: Any = None, **options: Any) -> Any:
        """Send documents to an endpoint and give back what comes out; see `Client.post` for the options."""
        return self.client.post(on, inputs, **options)

    def stream_doc(self, on: str, inputs: Any = None, **options: Any) -> Any:
        """The documents that come back, each as soon as it is there; see `Client.stream_doc`."""
        return self.client.stream_doc(on, inputs, **options)

    def index(self, inputs: Any = None, **options: Any) -> Any:
        return self.post('/index', inputs, **options)

    def search(self, inputs: Any = None, **options: Any) -> Any:
        return self.post('/search', inputs, **options)

    def update(self, what: Any = None, **options: Any) -> Any:
        """Post documents to /update; or, with the name of an executor, change its settings while it runs.

        `flow.update('encoder', uses_with={'model': 'large'})` replaces one replica after the other, and no
        request fails. Settings that are not named stay. If it raises, all is as before.
        """
        if not isinstance(what, str):
            return self.post('/update', what, **options)
        return change(self, 'update', what, options)

    def delete(self, inputs: Any = None, **options: Any) -> Any:
        return self.post('/delete', inputs, **options)

    def scale(self, name: str, replicas: int | tuple[int, int]) -> Any:
        """Have so many replicas of an executor (of each of its shards), while it runs.

        Two numbers let it grow and shrink with its work. Awaited, as `update`, if the Flow is asynchronous.
        """
        return change(self, 'scale', name, {'replicas': replicas})

    def set_weights(self, name: str, **weights: float) -> Any:
        """From now on give the versions of an executor these shares: main=90, v2=10; others get nothing."""
        return set_weights(self, name, weights)

    def log_level(self, name: str, level: str) -> Any:
        """Let an executor (or the 'gateway') log from this level on, while it runs; awaited as `update`."""
        return log_level(self, name, level)

    def profile(self, on: str = '/', inputs: Any = None, *, requests: int = 100, **options: Any) -> Any:
        """Post the same `requests` times, one after the other, and say where their time goes.

        Print the `Profile` that comes back. Awaited if the Flow is asynchronous. Options are those of `post`.
        """
        from headrace.flow.profiling import profile  # rarely part of serving

        return profile(self, on, inputs, requests=requests, options=options)

    def metrics(self) -> Any:
        """What all its processes have counted, as Prometheus reads it: the text that `/metrics` gives.

        Awaited if the Flow is asynchronous. HeadraceError if nothing is measured.
        """
        from headrace.flow.measuring import metrics  # rarely part of serving

        return metrics(self)

    def record(self, path: str | Path, **settings: Any) -> Any:
        """Write requests to a file: `with flow.record('traffic.hrec', redact=['password']): ...`.

        All of them, unless `sample` says less; the settings are those of `observe: {record: ...}`.
        """
        return FlowRecording(self, path, settings)

    def is_flow_ready(self) -> bool:
        """Whether the Flow runs and every executor answers."""
        return self._session is not None and bool(self.client.is_flow_ready())

    @property
    def host(self) -> str:
        return self.spec.gateway.host

    @property
    def ports(self) -> dict[str, int]:
        """The port of each protocol while the Flow runs; before, those that were asked for."""
        return dict(self._session.ports if self._session else self.spec.gateway.wanted_ports)

    @property
    def port(self) -> int:
        """The port of the first protocol."""
        return next(iter(self.ports.values()), 0)

    @property
    def protocol(self) -> str:
        """The first protocol."""
        return self.spec.gateway.protocols[0]

    def __repr__(self) -> str:
        where = f' on {self.ports}' if self.ports else ''
        return f'<Flow {summary(self.spec)}{f", running{where}" if self._session else ""}>'
