"""The name of an executor and a level in, the executor with that level out."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.observe import LogLevel
from headrace.spec.records import GATEWAY
from headrace.spec.suggest import did_you_mean
from headrace.spec.versions import each_version


def with_level(flow: FlowSpec, name: str, level: LogLevel) -> ExecutorSpec:
    """The executor `name` of a Flow, logging from `level` on; SpecError if none of this name runs there."""
    names = [each.name for each in each_version(flow.executors) if not (each.join or each.external)]
    if name not in names:
        raise SpecError(
            f'no executor {name!r} runs in flow {flow.name!r}',
            help=did_you_mean(name, [*names, GATEWAY], noun='names'),
        )
    return replace(flow[name], log_level=level)
