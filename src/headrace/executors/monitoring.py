"""An executor's own metrics: counters, gauges, histograms and times, beside those that it has anyway."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from time import perf_counter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast, overload

from headrace.errors import ExecutorError
from headrace.executors.endpoints import STATE
from headrace.executors.records import RuntimeArgs, State
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.metric import Kind, Metric
from headrace.observe.metrics.store import Family, Store
from headrace.observe.metrics.values import Counter, Gauge, Histogram

NAME = re.compile(r'[a-zA-Z_][a-zA-Z0-9_]*')
OURS = ('headrace_', 'process_', 'jina_', 'python_')
"""How names begin that we give."""

C = TypeVar('C', Counter, Gauge, Histogram)
F = TypeVar('F', bound=Callable[..., Any])


class Labelled(Generic[C]):
    """A metric with labels: `labels` gives what one set of their values has.

    Memory stays bounded: of a thousand sets on, further ones share one.
    """

    def __init__(self, family: Family[C], own: tuple[str, ...]) -> None:
        self._family: Family[C] = family
        self._own = own
        self._names = family.metric.labels[len(own) :]

    def labels(self, *values: object, **named: object) -> C:
        """What to count with, for these values: in the order of the labels, or by their names."""
        if named:
            if values or set(named) != set(self._names):
                raise ExecutorError(
                    f'metric {self._family.metric.name!r}: its labels are {", ".join(self._names)}, '
                    f'and {", ".join(sorted(named))} were given',
                    help='give each of them once, all by name or all in order',
                )
            values = tuple(named[name] for name in self._names)
        if len(values) != len(self._names):
            raise ExecutorError(
                f'metric {self._family.metric.name!r} has {len(self._names)} labels '
                f'({", ".join(self._names)}), and {len(values)} values were given'
            )
        return self._family.labels(*self._own, *map(str, values))

    def __repr__(self) -> str:
        return f'<{self._family.metric.name} by {", ".join(self._names)}>'


class Timed:
    """`with` it, what happens inside is measured in seconds."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._begun = 0.0

    def __enter__(self) -> Self:
        self._begun = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._histogram.observe(perf_counter() - self._begun)


def own(
    executor: Any,
    kind: Kind,
    name: str,
    documentation: str,
    *,
    labels: Sequence[str] = (),
    buckets: Sequence[float] = (),
) -> Any:
    """A metric of an executor: what to count with, or if it has labels, a `Labelled`.

    The same name gives the same metric. Raises ExecutorError for a name that is not one, that we have, or
    that the executor has with another meaning.
    """
    state: State = getattr(executor, STATE)
    args: RuntimeArgs = executor.runtime_args
    name = f'{name}_total' if kind == 'counter' and not name.endswith('_total') else name
    metric = Metric(
        name=_checked(args.name, name, labels),
        kind=kind,
        help=documentation or f'{name.replace("_", " ").capitalize()}, of an executor',
        labels=(*catalogue.EXECUTOR, *labels),
        buckets=tuple(float(bound) for bound in buckets),
    )
    if state.store is None:
        state.store = Store()
    try:
        family: Any = getattr(state.store, kind)(metric)
    except ValueError as error:
        raise ExecutorError(
            f'executor {args.name!r}: {error}', help='give each metric its own name'
        ) from None
    values = (args.name, str(args.shard_id), str(args.replica_id))
    return Labelled(family, values) if labels else family.labels(*values)


def _checked(executor: str, name: str, labels: Sequence[str]) -> str:
    problem = help = ''
    if not NAME.fullmatch(name):
        problem, help = f'{name!r} is no name of a metric', 'letters, digits and underscores'
    elif name.startswith(OURS):
        problem, help = f'the name {name!r} is kept for us', f'let it not begin with {", ".join(OURS)}'
    for label in labels:
        if not NAME.fullmatch(label) or label.startswith('__'):
            problem, help = f'{name!r}: {label!r} is no name of a label', 'letters, digits and underscores'
        elif label in (catalogue.FLOW, *catalogue.EXECUTOR, 'le'):
            problem, help = f'{name!r} has the label {label!r} already', 'give yours another name'
    if problem:
        raise ExecutorError(f'executor {executor!r}, metrics: {problem}', help=help)
    return name


def timed(executor: Any, name: str, documentation: str) -> Timed:
    """What measures the time of a `with` block."""
    state: State = getattr(executor, STATE)
    histogram = state.timers.get(name)
    if histogram is None:
        histogram = own(executor, 'histogram', name, documentation, buckets=catalogue.SECONDS)
        state.timers[name] = histogram
    return Timed(histogram)


@overload
def monitor(func: F, /) -> F: ...
@overload
def monitor(*, name: str = '', documentation: str = '') -> Callable[[F], F]: ...
@overload
def monitor(name: str = '', documentation: str = '') -> Callable[[F], F]: ...
def monitor(name: Any = '', documentation: str = '') -> Any:
    """Measure how long a method of an executor takes: a histogram, `<method>_seconds` if it has no name.

    class Encoder(Executor):
        @requests
        def encode(self, docs, **kwargs):
            docs.embedding = self.model(self.prepared(docs))

        @monitor(name='preparing_seconds', documentation='Seconds to prepare the pictures of a request')
        def prepared(self, docs): ...

    It can be a handler, too; of an `async def` the waiting counts, of a generator all until its end.
    """
    if callable(name):
        return _monitored(name, '', '')
    return lambda func: _monitored(func, name, documentation)


def _monitored(func: F, name: str, documentation: str) -> F:
    name = name or f'{func.__name__.strip("_")}_seconds'
    documentation = documentation or f'Seconds that {func.__qualname__} takes'

    if inspect.iscoroutinefunction(func):

        @functools.wraps(func)
        async def monitored(self: Any, *args: Any, **kwargs: Any) -> Any:
            with timed(self, name, documentation):
                return await func(self, *args, **kwargs)

    elif inspect.isasyncgenfunction(func):

        @functools.wraps(func)
        async def monitored(self: Any, *args: Any, **kwargs: Any) -> Any:
            with timed(self, name, documentation):
                async for each in func(self, *args, **kwargs):
                    yield each

    elif inspect.isgeneratorfunction(func):

        @functools.wraps(func)
        def monitored(self: Any, *args: Any, **kwargs: Any) -> Any:
            with timed(self, name, documentation):
                return (yield from func(self, *args, **kwargs))

    else:

        @functools.wraps(func)
        def monitored(self: Any, *args: Any, **kwargs: Any) -> Any:
            with timed(self, name, documentation):
                return func(self, *args, **kwargs)

    return cast('F', monitored)
