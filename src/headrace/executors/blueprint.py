"""`uses=` in, an executor out, in two steps: checked and described first, constructed afterwards."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.errors import ExecutorError, HeadraceError, LoadError
from headrace.executors import config, location
from headrace.executors.batching import batched, laid_over
from headrace.executors.config import Config
from headrace.executors.constructor import arguments_for
from headrace.executors.endpoint import Endpoint
from headrace.executors.endpoints import ENDPOINTS, STATE, rebind
from headrace.executors.finding import find_class, is_executor
from headrace.executors.modules import located, remedy
from headrace.executors.records import Metas, RuntimeArgs, State, record
from headrace.pipeline.describe import ExecutorInfo
from headrace.spec.batching import BatchingSpec
from headrace.spec.references import Reference
from headrace.spec.source import Source

if TYPE_CHECKING:
    from headrace.observe.metrics.store import Store
    from headrace.observe.tracing.tracing import Tracing


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """A class and all that is needed to construct it; `describe` it first, `build` it when all is well."""

    cls: type[Any]
    base: type[Any]
    arguments: Mapping[str, Any]
    requests: Mapping[str, str]
    batching: Mapping[str, BatchingSpec]
    endpoints: Mapping[str, Endpoint]
    metas: Metas
    runtime_args: RuntimeArgs
    references: tuple[Reference, ...] = ()

    def describe(self) -> ExecutorInfo:
        """The executor's endpoints as plain data; nothing of the user's is run for it."""
        return info_of(self.runtime_args.name, self.cls, self.endpoints)

    def at(self, shard: int, replica: int) -> Blueprint:
        """The same for another shard and replica."""
        args = replace(self.runtime_args, shard_id=shard, replica_id=replica)
        return replace(self, runtime_args=args, metas=replace(self.metas))

    def build(self, tracing: Tracing | None = None, store: Store | None = None) -> Any:
        """Construct the executor; ExecutorError with its name and the line if that fails.

        `tracing` records what it does, if anything is recorded; `store` keeps what is measured of it.
        """
        cls, name = self.cls, self.runtime_args.name
        state = State(
            arguments=dict(self.arguments),
            endpoints=dict(self.endpoints),
            requests=dict(self.requests),
            batching=dict(self.batching),
            references=self.references,
            tracing=tracing,
            store=store,
        )
        own = {'metas': self.metas, 'requests': self.requests, 'runtime_args': self.runtime_args}
        own['workspace'] = self.runtime_args.workspace
        arguments = arguments_for(cls, self.base, self.arguments, own)
        try:
            executor: Any = object.__new__(cls)
            vars(executor).update({STATE: state, 'metas': self.metas, 'runtime_args': self.runtime_args})
            executor.__init__(**arguments)
        except KeyboardInterrupt:
            raise
        except HeadraceError as error:
            error.message = f'executor {name!r}: {error.message}'
            raise
        except BaseException as error:
            raise ExecutorError(
                f'executor {name!r}: the constructor of {cls.__qualname__} raised '
                f'{type(error).__name__}: {error} ({location.of_error(error) or location.of_class(cls)})',
                help=remedy(error),
            ) from error
        return executor


def blueprint(
    uses: type[Any] | str | Mapping[str, Any],
    base: type[Any],
    *,
    given: Config | None = None,
    runtime_args: RuntimeArgs | Mapping[str, Any] | None = None,
    search: Sequence[Path | str] = (),
    context: Mapping[str, Any] | None = None,
) -> Blueprint:
    """Find the class that `uses` names and check everything that can be checked without constructing it.

    `given` is what the caller says; it wins over what a YAML file says. Raises LoadError, SpecError or
    ExecutorError.
    """
    given = given or Config(jtype='')
    cls, written = named(uses, base, py_modules=given.py_modules, search=search, context=context)
    return _merged(cls, base, written, given, runtime_args)


def named(
    uses: type[Any] | str | Mapping[str, Any],
    base: type[Any],
    *,
    py_modules: Sequence[str] = (),
    search: Sequence[Path | str] = (),
    context: Mapping[str, Any] | None = None,
) -> tuple[type[Any], Config]:
    """The class that `uses` names, and what its YAML says if it names one."""
    if isinstance(uses, type) and is_executor(uses):
        return uses, Config(jtype='')
    folders = [Path(folder).resolve() for folder in search]
    if isinstance(uses, Mapping):
        written = config.read_fields(uses, Source('uses'))
    elif isinstance(uses, str):
        written = _read(uses, folders, context) or Config(jtype=uses)
    else:
        raise LoadError(f'uses={uses!r} is not an executor', help='let it be a subclass of headrace.Executor')
    if written.folder is not None:
        folders.insert(0, written.folder)
    modules = [*written.py_modules, *py_modules]
    return find_class(written.jtype, base, py_modules=modules, search=folders), written


def _merged(
    cls: type[Any],
    base: type[Any],
    written: Config,
    given: Config,
    runtime_args: RuntimeArgs | Mapping[str, Any] | None,
) -> Blueprint:
    args = replace(record(RuntimeArgs, runtime_args, what='runtime_args'))
    metas = record(Metas, {**written.metas, **given.metas}, what=f'{cls.__qualname__}: metas')
    args.name = args.name or metas.name or cls.__name__
    metas.name = metas.name or args.name
    metas.py_modules = [*written.py_modules, *given.py_modules]
    requests = {**written.requests, **given.requests}
    arguments = {**written.arguments, **given.arguments}
    batching = laid_over(written.batching, given.batching)
    endpoints: Mapping[str, Endpoint] = getattr(cls, ENDPOINTS)
    try:
        arguments_for(cls, base, arguments, dict.fromkeys(('metas', 'requests', 'runtime_args', 'workspace')))
        endpoints = rebind(cls, endpoints, requests) if requests else endpoints
        endpoints = batched(cls, endpoints, batching) if batching else endpoints
    except ExecutorError as error:
        error.message = f'executor {args.name!r}: {error.message}'
        raise
    return Blueprint(
        cls=cls,
        base=base,
        arguments=arguments,
        requests=requests,
        batching=batching,
        endpoints=endpoints,
        metas=metas,
        runtime_args=args,
        references=(*written.references, *given.references),
    )


def info_of(name: str, cls: type[Any], endpoints: Mapping[str, Endpoint]) -> ExecutorInfo:
    """The description of an executor of class `cls` with these endpoints."""
    described = tuple(endpoint.describe() for endpoint in endpoints.values())
    own_doc = cls.__doc__ if '__doc__' in vars(cls) else None
    return ExecutorInfo(name=name, endpoints=described, doc=inspect.cleandoc(own_doc or ''))


def _read(uses: str, folders: Sequence[Path], context: Mapping[str, Any] | None) -> Config | None:
    """The YAML that `uses` is (text) or names (a file, a folder); None if it names a class."""
    is_text = config.is_text(uses)
    if not is_text and not _is_path(uses, folders):
        return None
    found: Config = (
        _yamltext().read_text(uses, context=context)
        if is_text
        else _yamltext().read_file(located(uses, folders), context=context)
    )
    return found


def written(config: Config) -> str:
    """A record as the YAML that `blueprint` reads; raises LoadError for arguments that are no plain data."""
    text: str = _yamltext().write(config)
    return text


def _yamltext() -> Any:
    from headrace.executors import yamltext  # only who has YAML pays for its import

    return yamltext


def _is_path(uses: str, folders: Sequence[Path]) -> bool:
    if uses.endswith(('.yml', '.yaml')):
        return True
    if ':' in uses or uses.endswith('.py'):
        return False
    here = [folder / uses for folder in (*folders, Path.cwd())]
    return '/' in uses or uses in ('.', '..') or any(map(config.is_folder, here))
