"""`Executor`: the base class of the logic of one component."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, overload

from headrace.errors import ExecutorError
from headrace.executors.batching import read_batching
from headrace.executors.blueprint import blueprint, written
from headrace.executors.config import Config
from headrace.executors.constructor import unknown_argument
from headrace.executors.endpoints import ENDPOINTS, STATE, collect, rebind
from headrace.executors.monitoring import Labelled, Timed, own, timed
from headrace.executors.records import RESERVED, Metas, RuntimeArgs, State, record
from headrace.observe.metrics.catalogue import SECONDS
from headrace.observe.metrics.values import Counter, Gauge, Histogram
from headrace.observe.tracing.silent import tracer_of
from headrace.spec import environment


class Executor:
    """The logic of one component: a class whose methods marked with `@requests` answer endpoints.

    class Encoder(Executor):
        def __init__(self, model: str = 'small', **kwargs):
            super().__init__(**kwargs)
            self.model = load(model)

        @requests(on='/encode')
        def encode(self, docs: DocList[Image], **kwargs) -> DocList[Image]:
            docs.embedding = self.model(docs.tensor)

    Before `__init__` runs, `self.metas` (name, description), `self.runtime_args` (name in the Flow, shard,
    replica), `self.workspace` and `self.logger` are there; `super().__init__` may be called, but need not. A
    handler stays an ordinary method: `Encoder().encode(docs=docs)` calls it.

    Signatures and annotations are checked when the class is created; ExecutorError names the line.
    """

    metas: Metas
    runtime_args: RuntimeArgs

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        setattr(cls, ENDPOINTS, collect(cls))

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        executor = super().__new__(cls)
        arguments = {key: value for key, value in kwargs.items() if key not in RESERVED}
        state = State(arguments=arguments, positional=args, endpoints=getattr(cls, ENDPOINTS))
        setattr(executor, STATE, state)
        executor.runtime_args = RuntimeArgs(name=cls.__name__)
        executor.metas = Metas(name=cls.__name__)
        return executor

    def __init__(
        self,
        metas: Mapping[str, Any] | None = None,
        requests: Mapping[str, str] | None = None,
        runtime_args: Mapping[str, Any] | None = None,
        workspace: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Take what a subclass passes on: who the executor is and where it runs; all of it has defaults.

        `requests` binds endpoints to methods by name. Raises ExecutorError for any other argument.
        """
        for key in kwargs:
            raise unknown_argument(type(self), Executor, key)
        state: State = getattr(self, STATE)
        if metas is not None:
            self.metas = record(Metas, metas, what='metas')
        if runtime_args is not None:
            self.runtime_args = record(RuntimeArgs, runtime_args, what='runtime_args')
        self.runtime_args.name = self.runtime_args.name or self.metas.name or type(self).__name__
        self.metas.name = self.metas.name or self.runtime_args.name
        if requests and requests != state.requests:
            state.requests = dict(requests)
            state.endpoints = rebind(type(self), getattr(type(self), ENDPOINTS), requests)
        state.workspace = workspace

    @cached_property
    def logger(self) -> logging.Logger:
        """The logger `headrace.executor.<name>`."""
        return logging.getLogger(f'headrace.executor.{self.runtime_args.name}')

    @cached_property
    def tracer(self) -> Any:
        """OpenTelemetry's tracer, for spans of the executor's own within that of a request.

        with self.tracer.start_as_current_span('lookup') as span:
            span.set_attribute('index.size', len(self.index))

        Where the Flow has no traces, and in requests that are not recorded, they are nothing.
        """
        return tracer_of(getattr(self, STATE).tracing, self.runtime_args.name)

    @overload
    def counter(self, name: str, documentation: str = '') -> Counter: ...
    @overload
    def counter(self, name: str, documentation: str, labels: Sequence[str]) -> Labelled[Counter]: ...
    def counter(self, name: str, documentation: str = '', labels: Sequence[str] = ()) -> Any:
        """A metric that only grows: `add` to it, or with labels, to `labels(...)` of it.

        `/metrics` of the gateway has it, with the labels executor, shard and replica; its name ends with
        `_total`. The same name gives the same counter. Raises ExecutorError for a name that cannot be.
        """
        return own(self, 'counter', name, documentation, labels=labels)

    @overload
    def gauge(self, name: str, documentation: str = '') -> Gauge: ...
    @overload
    def gauge(self, name: str, documentation: str, labels: Sequence[str]) -> Labelled[Gauge]: ...
    def gauge(self, name: str, documentation: str = '', labels: Sequence[str] = ()) -> Any:
        """A metric that is as it is now: `set` it, or `add` to it; otherwise as `counter`."""
        return own(self, 'gauge', name, documentation, labels=labels)

    @overload
    def histogram(
        self, name: str, documentation: str = '', *, buckets: Sequence[float] = SECONDS
    ) -> Histogram: ...
    @overload
    def histogram(
        self, name: str, documentation: str, labels: Sequence[str], *, buckets: Sequence[float] = SECONDS
    ) -> Labelled[Histogram]: ...
    def histogram(
        self,
        name: str,
        documentation: str = '',
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float] = SECONDS,
    ) -> Any:
        """A metric of many values: `observe` each; otherwise as `counter`.

        `buckets` are the upper bounds that values are sorted by, those of seconds unless others are given.
        """
        return own(self, 'histogram', name, documentation, labels=labels, buckets=buckets)

    def monitor(self, name: str, documentation: str = '') -> Timed:
        """A histogram of seconds: `with self.monitor('model_seconds'):` measures what happens inside."""
        return timed(self, name, documentation)

    @cached_property
    def workspace(self) -> str:
        """The folder for what the executor keeps, made when first asked for: `<root>/<name>/<shard>`."""
        root = self.runtime_args.workspace or self.metas.workspace or getattr(self, STATE).workspace
        folder = Path(root or environment.read().workspace_root()).expanduser()
        folder = folder / self.metas.name / str(self.runtime_args.shard_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExecutorError(
                f'executor {self.runtime_args.name!r}: no workspace {folder}: {error.strerror}',
                help='name a folder that can be written to: workspace=..., or HEADRACE_WORKSPACE',
            ) from error
        return str(folder.resolve())

    def close(self) -> Any:
        """Give back what the executor holds; override it. Called once, when no request runs any more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        closed = self.close()
        if inspect.isawaitable(closed):
            asyncio.run(_awaited(closed))
        lane = getattr(self, STATE).lane
        if lane is not None:
            lane.stop()

    @classmethod
    def load_config(
        cls,
        source: str | Path | Mapping[str, Any],
        *,
        uses_with: Mapping[str, Any] | None = None,
        uses_metas: Mapping[str, Any] | None = None,
        uses_requests: Mapping[str, str] | None = None,
        uses_dynamic_batching: Mapping[str, Any] | None = None,
        py_modules: Sequence[str] = (),
        runtime_args: RuntimeArgs | Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Executor:
        """Construct the executor that a YAML file (its text, a dict, a folder with `config.yml`) describes.

        `uses_*` win over what is written there; `context` has the values of `${{ CONTEXT.x }}`. Raises
        SpecError with file, line and key, LoadError for a class that is not there, ExecutorError if the
        constructor raises.
        """
        given = Config(
            jtype='',
            arguments=dict(uses_with or {}),
            metas=dict(uses_metas or {}),
            requests=dict(uses_requests or {}),
            batching=read_batching(uses_dynamic_batching or {}),
            py_modules=tuple(py_modules),
        )
        uses = str(source) if isinstance(source, Path) else source
        found: Executor = blueprint(
            uses, Executor, given=given, runtime_args=runtime_args, context=context
        ).build()
        return found

    def save_config(self, path: str | Path | None = None) -> str:
        """Write the executor as YAML for `load_config`, also to the file `path`; returns the text."""
        text = written(_config_of(self))
        if path is not None:
            Path(path).write_text(text, encoding='utf-8')
        return text


def _config_of(executor: Executor) -> Config:
    """How an executor was made, so that it can be made again."""
    cls, state = type(executor), getattr(executor, STATE)
    positional = list(inspect.signature(cls.__init__).parameters)[1 : len(state.positional) + 1]
    metas = executor.metas
    kept = {'name': metas.name, 'description': metas.description, 'workspace': metas.workspace}
    if metas.name == cls.__name__:
        del kept['name']
    return Config(
        jtype=cls.__qualname__ if metas.py_modules else f'{cls.__module__}:{cls.__qualname__}',
        arguments=dict(zip(positional, state.positional, strict=False)) | state.arguments,
        metas={key: value for key, value in kept.items() if value},
        requests=state.requests,
        batching=state.batching,
        references=state.references,
        py_modules=tuple(metas.py_modules),
    )


async def _awaited(closing: Awaitable[Any]) -> None:
    await closing


setattr(Executor, ENDPOINTS, {})
