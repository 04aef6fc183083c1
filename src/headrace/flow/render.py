"""A plan and what a Flow offers in, tables for a terminal out."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headrace.documents.schema import DocSchema
from headrace.pipeline.describe import EndpointInfo, FlowInfo
from headrace.spec import PhysicalPlan


def plan_table(plan: PhysicalPlan) -> RenderableType:
    """The processes of a plan, one per line: what runs, where it listens, what it gets."""
    titles, *rows = plan.rows()
    table = _table(*titles)
    for name, runs, listens, *others in rows:
        style = 'italic' if name in plan.joins else 'bold'
        table.add_row(Text(name, style), Text(runs), Text(listens.replace(', ', '\n')), *map(Text, others))
    count = len(plan.processes)
    where = 'in the calling process' if plan.place == 'in-process' else f'{count} processes'
    return Group(Text.assemble((plan.flow, 'bold'), f', {where}', '\n'), table)


def endpoints_table(info: FlowInfo) -> RenderableType:
    """The endpoints of a Flow: what each takes and gives, and which executors answer it."""
    table = _table('endpoint', 'takes', 'gives', 'answered by', 'what it does')
    for endpoint in info.endpoints:
        table.add_row(
            Text(endpoint.name, 'bold'),
            _documents(endpoint.input, endpoint),
            _documents(endpoint.output, endpoint),
            ', '.join(_answering(info, endpoint.name)),
            endpoint.doc.partition('\n')[0],
        )
    return table


def _answering(info: FlowInfo, endpoint: str) -> Iterable[str]:
    return (executor.name for executor in info.executors if executor.endpoint(endpoint) is not None)


def _documents(schema: DocSchema, endpoint: EndpointInfo) -> str:
    return schema.name if endpoint.kind == 'doc' else f'DocList[{schema.name}]'


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style='dim', padding=(0, 3, 0, 0))
    for title in titles:
        table.add_column(title, overflow='fold')
    return table
