"""A FlowSpec in, the physical plan out: which processes there are, where they listen, what they wait for."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from headrace.spec.graph import check, order
from headrace.spec.records import GATEWAY, PASS_THROUGH, ExecutorSpec, FlowSpec

Role = Literal['gateway', 'worker', 'inline']


class ProcessPlan(Struct, frozen=True, kw_only=True):
    """One process (or, in role `inline`, one part of the caller's): what it is and where it is found.

    `address` is where other processes of the Flow reach it ('' for the gateway, which only clients call);
    `ports` are the gateway's `(protocol, port)` pairs; `waits` the processes that must be ready before this
    one says that it is; `env` what is added to its environment.
    """

    role: Role
    name: str
    executor: str = ''
    replica: int = 0
    uses: str = ''
    address: str = ''
    ports: tuple[tuple[str, int], ...] = ()
    waits: tuple[str, ...] = ()
    env: dict[str, str] = {}
    timeout_ready_s: float = 60.0


class Wire(Struct, frozen=True):
    """One edge of the graph: the results of `source` go to `target`."""

    source: str
    target: str


class PhysicalPlan(Struct, frozen=True, kw_only=True):
    """Everything that a place has to carry out, in the order in which data passes through it."""

    flow: str
    place: str
    host: str = '127.0.0.1'
    processes: tuple[ProcessPlan, ...] = ()
    wires: tuple[Wire, ...] = ()
    joins: tuple[str, ...] = ()

    @property
    def workers(self) -> tuple[ProcessPlan, ...]:
        """The processes that run executors."""
        return tuple(process for process in self.processes if process.role == 'worker')

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The plan as a table, its first row the titles: one row per process, and per join in the gateway."""
        rows = [('process', 'runs', 'listens on', 'input', 'ready in')]
        for process in self.processes:
            runs = 'the front door' if process.role == 'gateway' else process.uses
            ready = '' if process.role == 'inline' else f'{process.timeout_ready_s:g} s'
            rows.append((process.name, runs, self._doors(process), self._input(process.name), ready))
        rows += [(name, '(joins in the gateway)', '', self._input(name), '') for name in self.joins]
        return tuple(rows)

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return '\n'.join(
            '   '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def _doors(self, process: ProcessPlan) -> str:
        doors = [
            f'{name} {self.host}:{port}' if port else f'{name} (free port)' for name, port in process.ports
        ]
        return ', '.join(doors) or process.address

    def _input(self, name: str) -> str:
        sources = [wire.source for wire in self.wires if wire.target == name]
        return ', '.join(sources) or 'clients'


def plan(spec: FlowSpec, *, directory: str = '') -> PhysicalPlan:
    """Work out the processes of a Flow; `directory` is where their sockets will be.

    >>> from headrace.spec.records import ExecutorSpec
    >>> [p.name for p in plan(FlowSpec(executors=(ExecutorSpec(name='a'),))).processes]
    ['gateway', 'a']

    Raises SpecError if the Flow's graph is wrong.
    """
    check(spec)
    inline = spec.place == 'in-process'
    ordered = order(spec)
    workers = [_worker(spec, executor, inline, directory) for executor in ordered if not executor.join]
    front = ProcessPlan(
        role='gateway',
        name=GATEWAY,
        ports=spec.gateway.doors,
        waits=tuple(worker.name for worker in workers),
        env=spec.env,
        timeout_ready_s=spec.timeout_ready_s,
    )
    return PhysicalPlan(
        flow=spec.name,
        place=spec.place,
        host=spec.gateway.host,
        processes=tuple(workers) if inline else (front, *workers),
        wires=tuple(Wire(need, executor.name) for executor in ordered for need in executor.needs),
        joins=tuple(executor.name for executor in ordered if executor.join),
    )


def _worker(spec: FlowSpec, executor: ExecutorSpec, inline: bool, directory: str) -> ProcessPlan:
    folder = f'{directory.rstrip("/")}/' if directory else ''
    return ProcessPlan(
        role='inline' if inline else 'worker',
        name=executor.name,
        executor=executor.name,
        uses=describe_uses(executor.uses),
        address='memory' if inline else f'unix:{folder}{executor.name}.sock',
        env={**spec.env, **executor.env},
        timeout_ready_s=executor.timeout_ready_s or spec.timeout_ready_s,
    )


def describe_uses(uses: object) -> str:
    """What an executor runs, as text: a class as module:Class.

    >>> describe_uses(dict)
    'builtins:dict'
    """
    if isinstance(uses, type):
        return f'{uses.__module__}:{uses.__qualname__}'
    return '(passes through)' if uses == PASS_THROUGH else str(uses)
