"""A FlowSpec in, the physical plan out: which processes there are, where they listen, what they wait for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from headrace.spec.gateway import door_of
from headrace.spec.graph import check, order
from headrace.spec.parts import Part, part_of
from headrace.spec.records import GATEWAY, PASS_THROUGH, ExecutorSpec, FlowSpec
from headrace.spec.references import shown
from headrace.spec.versions import each_version, split
from headrace.spec.words import entry_in_words, place_in_words

Role = Literal['gateway', 'worker', 'inline']


class ProcessPlan(Struct, frozen=True, kw_only=True):
    """One process (or, in role `inline`, one part of the caller's): what it is and where it is found.

    `address` is where other processes of the Flow reach it ('' for the gateway, which only clients call); a
    process that is started anew listens at another one. `ports` are the gateway's `(protocol, port)` pairs;
    some share a port. `waits` are the processes that must be ready before this one says that it is; `env`
    the names of what is added to its environment (`environment_of` has the values); `gpus` and `threads`
    what is said of its devices and of the threads of numeric libraries.
    """

    role: Role
    name: str
    executor: str = ''
    part: Part = ''
    shard: int = 0
    shards: int = 1
    replica: int = 0
    replicas: int = 1
    uses: str = ''
    address: str = ''
    ports: tuple[tuple[str, int], ...] = ()
    waits: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    gpus: str = ''
    threads: int | None = None
    timeout_ready_s: float = 60.0


class Wire(Struct, frozen=True):
    """One edge of the graph: the results of `source` go to `target`.

    `when` says in words which documents do; nobody waits for a `floating` target.
    """

    source: str
    target: str
    when: str = ''
    floating: bool = False


class PhysicalPlan(Struct, frozen=True, kw_only=True):
    """Everything that a place has to carry out, in the order in which data passes through it.

    `joins` are executors without a process of their own; `externals` those that run elsewhere, with where.
    """

    flow: str
    place: str
    host: str = '127.0.0.1'
    processes: tuple[ProcessPlan, ...] = ()
    wires: tuple[Wire, ...] = ()
    joins: tuple[str, ...] = ()
    externals: tuple[tuple[str, str], ...] = ()

    @property
    def workers(self) -> tuple[ProcessPlan, ...]:
        """The processes that run executors."""
        return tuple(process for process in self.processes if process.role == 'worker')

    @property
    def gateways(self) -> tuple[ProcessPlan, ...]:
        """The processes that are the front door."""
        return tuple(process for process in self.processes if process.role == 'gateway')

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The plan as a table, its first row the titles: one row per process, join and external executor."""
        rows = [('process', 'runs', 'listens on', 'input', 'ready in')]
        for process in self.processes:
            runs = 'the front door' if process.role == 'gateway' else process.uses
            ready = '' if process.role == 'inline' else f'{process.timeout_ready_s:g} s'
            rows.append((process.name, runs, self._doors(process), self._input_of(process), ready))
        rows += [(name, '(joins in the gateway)', '', self._input(name), '') for name in self.joins]
        rows += [(name, '(runs elsewhere)', where, self._input(name), '') for name, where in self.externals]
        return _widened(rows, self.processes)

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return '\n'.join(
            '   '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def _doors(self, process: ProcessPlan) -> str:
        doors: dict[str, list[tuple[str, int]]] = {}
        for name, port in process.ports:
            doors.setdefault(door_of(name), []).append((name, port))
        told = [
            f'{"/".join(name for name, _ in shared)} {self._at(shared[0][1])}' for shared in doors.values()
        ]
        return ', '.join(told) or process.address

    def _at(self, port: int) -> str:
        return f'{self.host}:{port}' if port else '(free port)'

    def _input_of(self, process: ProcessPlan) -> str:
        before = f'{process.executor}/before'
        if process.part == 'after':
            return f'{process.executor} ({process.shards} shards)'
        if not process.part and any(other.name == before for other in self.processes):
            return before
        return self._input(process.executor)

    def _input(self, name: str) -> str:
        wires = [wire for wire in self.wires if wire.target == split(name)[0]]
        sources = ', '.join(wire.source for wire in wires) or 'clients'
        notes = [f'when {wires[0].when}'] if wires and wires[0].when else []
        notes += ['floating'] if wires and wires[0].floating else []
        return f'{sources} ({"; ".join(notes)})' if notes else sources


def _widened(
    rows: Sequence[tuple[str, ...]], processes: Sequence[ProcessPlan]
) -> tuple[tuple[str, ...], ...]:
    """The table with what is said of devices and threads, if anything is."""
    said = {
        'gpus': [each.gpus for each in processes],
        'threads': ['' if each.threads is None else str(each.threads) for each in processes],
    }
    rows = list(rows)
    for title, cells in said.items():
        if any(cells):
            filled = [title, *cells, *[''] * (len(rows) - len(cells) - 1)]
            rows = [(*row, cell) for row, cell in zip(rows, filled, strict=True)]
    return tuple(rows)


def plan(spec: FlowSpec, *, directory: str = '') -> PhysicalPlan:
    """Work out the processes of a Flow; `directory` is where their sockets will be.

    >>> from headrace.spec.records import ExecutorSpec
    >>> [p.name for p in plan(FlowSpec(executors=(ExecutorSpec(name='a', replicas=2),))).processes]
    ['gateway', 'a/rep-0', 'a/rep-1']

    Raises SpecError if the Flow's graph is wrong.
    """
    check(spec)
    ordered = order(spec)
    here = each_version(each for each in ordered if not (each.join or each.external))
    workers = [process for executor in here for process in processes(spec, executor, directory=directory)]
    return PhysicalPlan(
        flow=spec.name,
        place=spec.place,
        host=shown(spec.gateway)['host'],
        processes=(*_gateways(spec, tuple(worker.name for worker in workers)), *workers),
        wires=tuple(
            Wire(need, executor.name, entry_in_words(executor), executor.floating)
            for executor in ordered
            for need in executor.needs
        ),
        joins=tuple(executor.name for executor in ordered if executor.join),
        externals=tuple((each.name, place_in_words(each)) for each in ordered if each.external),
    )


def processes(spec: FlowSpec, executor: ExecutorSpec, *, directory: str = '') -> Iterator[ProcessPlan]:
    """The processes of one executor: what comes before its shards, all their replicas, what comes after."""
    if executor.uses_before is not None:
        yield process(spec, executor, part='before', directory=directory)
    for shard in range(executor.shards):
        for replica in range(executor.least):
            yield process(spec, executor, shard=shard, replica=replica, directory=directory)
    if executor.uses_after is not None:
        yield process(spec, executor, part='after', directory=directory)


def process(
    spec: FlowSpec,
    executor: ExecutorSpec,
    *,
    part: Part = '',
    shard: int = 0,
    replica: int = 0,
    directory: str = '',
) -> ProcessPlan:
    """One process of an executor: one replica of one of its shards, or what comes before or after them."""
    inline = spec.place == 'in-process'
    name = f'{executor.name}/{part}' if part else name_of(executor, shard, replica)
    folder = f'{directory.rstrip("/")}/' if directory else ''
    return ProcessPlan(
        role='inline' if inline else 'worker',
        name=name,
        executor=executor.name,
        part=part,
        shard=shard,
        shards=executor.shards,
        replica=replica,
        replicas=1 if part else executor.least,
        uses=describe_uses(part_of(executor, part).uses),
        address='memory' if inline else _address(spec, f'{folder}{name.replace("/", ".")}.sock'),
        env=tuple({**spec.env, **executor.env}),
        gpus='' if part or inline else _in_words(executor.gpus),
        threads=None if inline else executor.threads,
        timeout_ready_s=executor.timeout_ready_s or spec.timeout_ready_s,
    )


def environment_of(spec: FlowSpec, process: ProcessPlan) -> dict[str, str]:
    """What is added to the environment of one process. Plans are shown, and these may be secrets.

    >>> flow = FlowSpec(env={'TOKEN': 'abc'})
    >>> [(each.env, environment_of(flow, each)) for each in plan(flow).processes]
    [(('TOKEN',), {'TOKEN': 'abc'})]
    """
    return {**spec.env, **(spec[process.executor].env if process.executor else {})}


def _address(spec: FlowSpec, socket: str) -> str:
    """Where a worker listens: on a Unix socket, or a free port if it shows a certificate."""
    workers = spec.gateway.security.workers
    if workers is None:
        return f'unix:{socket}'
    return f'tcp+tls:[{workers.host}]:0' if ':' in workers.host else f'tcp+tls:{workers.host}:0'


def _in_words(gpus: str | int | Sequence[int | str]) -> str:
    return str(gpus) if isinstance(gpus, str | int) else ','.join(map(str, gpus))


def name_of(executor: ExecutorSpec, shard: int, replica: int) -> str:
    """The name of one replica's process.

    >>> name_of(ExecutorSpec(name='a'), 0, 0), name_of(ExecutorSpec(name='a', shards=2), 1, 0)
    ('a', 'a/shard-1/rep-0')
    """
    if executor.shards > 1:
        return f'{executor.name}/shard-{shard}/rep-{replica}'
    return f'{executor.name}/rep-{replica}' if executor.most > 1 else executor.name


def _gateways(spec: FlowSpec, waits: tuple[str, ...]) -> Iterator[ProcessPlan]:
    count = 0 if spec.place == 'in-process' else spec.gateway.replicas
    for replica in range(count):
        yield ProcessPlan(
            role='gateway',
            name=GATEWAY if count == 1 else f'{GATEWAY}/rep-{replica}',
            replica=replica,
            replicas=count,
            ports=tuple(spec.gateway.wanted_ports.items()),
            waits=waits,
            env=tuple(spec.env),
            timeout_ready_s=spec.timeout_ready_s,
        )


def describe_uses(uses: object) -> str:
    """What an executor runs, as text: a class as module:Class.

    >>> describe_uses(dict)
    'builtins:dict'
    """
    if isinstance(uses, type):
        return f'{uses.__module__}:{uses.__qualname__}'
    return '(passes through)' if uses == PASS_THROUGH else str(uses)
