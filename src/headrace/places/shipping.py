"""How an executor's class and arguments get into another process: by name, or else by value."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Any

import cloudpickle
import msgspec

from headrace.documents import byvalue
from headrace.errors import LoadError, SpecError
from headrace.executors import Executor
from headrace.spec import ExecutorSpec, FlowSpec, ProcessPlan
from headrace.spec.parts import part_of
from headrace.worker import orders
from headrace.worker.orders import WorkerOrder


def worker_order(flow: FlowSpec, process: ProcessPlan, *, address: str, directory: str = '') -> WorkerOrder:
    """Everything the worker that carries out `process` has to know, as plain data.

    A class that can be imported goes by its name. One of `__main__`, of a notebook or of a function's body
    goes by value, as do arguments that are no plain data; that pickle travels only through the private pipe
    to a process that we start ourselves.
    """
    executor = part_of(flow[process.executor], process.part)
    pickled = b''
    uses: Any = executor.uses
    if isinstance(uses, type) and not issubclass(uses, Executor):
        raise LoadError(
            f'executor {executor.name!r}: uses={uses!r} is not an executor',
            help='let it be a subclass of headrace.Executor',
        )
    by_name = isinstance(uses, str) or _is_importable(uses)
    if not by_name or not is_plain(executor.uses_with):
        pickled = _pickle(executor)
        executor = msgspec.structs.replace(executor, uses='', uses_with={})
    elif isinstance(uses, type):
        executor = msgspec.structs.replace(executor, uses=f'{uses.__module__}:{uses.__qualname__}')
    return orders.worker_order(
        flow,
        process,
        executor,
        address=address,
        sys_path=tuple(sys.path),
        pickled=pickled,
        directory=directory,
    )


def _is_importable(cls: type) -> bool:
    """Whether another process finds this very class by importing its module."""
    module = sys.modules.get(cls.__module__)
    if module is None or cls.__module__ == '__main__' or '<locals>' in cls.__qualname__:
        return False
    found: Any = module
    for part in cls.__qualname__.split('.'):
        found = getattr(found, part, None)
    if found is not cls:
        return False
    return _origin(cls.__module__) == getattr(module, '__file__', None)


def _origin(name: str) -> str | None:
    """The file that an import of `name` would find if it were not imported yet; None if there is none."""
    path: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    parts = name.split('.')
    for length in range(1, len(parts) + 1):
        prefix = '.'.join(parts[:length])
        found = (finder.find_spec(prefix, path) for finder in sys.meta_path if hasattr(finder, 'find_spec'))
        spec = next(filter(None, found), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec.origin if spec is not None else None


def is_plain(value: Any) -> bool:
    """Whether a value is plain data, which goes anywhere."""
    try:
        return bool(msgspec.msgpack.decode(msgspec.msgpack.encode(value)) == value)
    except (TypeError, ValueError, OverflowError):
        return False


def _pickle(executor: ExecutorSpec) -> bytes:
    """The class and its arguments by value; modules that no other process can import go along."""
    module = inspect.getmodule(executor.uses) if isinstance(executor.uses, type) else None
    stray = module is not None and module.__name__ != '__main__' and not _is_importable(executor.uses)
    if stray and module is not None:
        cloudpickle.register_pickle_by_value(module)
    try:
        return byvalue.dumps((executor.uses, executor.uses_with))
    except Exception as error:
        raise SpecError(
            f'executor {executor.name!r} cannot be handed to its process: {type(error).__name__}: {error}',
            help='put its class into a module of its own, or pass only plain values in uses_with; '
            'what cannot be copied (open files, locks, connections) belongs into __init__',
        ) from error
    finally:
        if stray and module is not None:
            cloudpickle.unregister_pickle_by_value(module)
