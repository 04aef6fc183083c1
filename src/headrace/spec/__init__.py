"""What is wanted: frozen records of a Flow, executors and gateway; their checks, YAML and physical plan.

The YAML reader and the schema are imported when they are first used: a worker needs neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from headrace.spec.batching import BatchingSpec
from headrace.spec.gateway import ExposedEndpoint, GatewaySpec
from headrace.spec.graph import check, last, order, terminals
from headrace.spec.plan import PhysicalPlan, ProcessPlan, plan
from headrace.spec.reading import free_name, read_executor, read_gateway, read_settings
from headrace.spec.records import GATEWAY, ExecutorSpec, FlowSpec
from headrace.spec.source import Source

if TYPE_CHECKING:
    from headrace.spec.schema import flow_schema
    from headrace.spec.yaml import dump_flow, load_flow

_LATER = {
    'dump_flow': 'headrace.spec.yaml',
    'flow_schema': 'headrace.spec.schema',
    'load_flow': 'headrace.spec.yaml',
}

__all__ = [
    'GATEWAY',
    'BatchingSpec',
    'ExecutorSpec',
    'ExposedEndpoint',
    'FlowSpec',
    'GatewaySpec',
    'PhysicalPlan',
    'ProcessPlan',
    'Source',
    'check',
    'dump_flow',
    'flow_schema',
    'free_name',
    'last',
    'load_flow',
    'order',
    'plan',
    'read_executor',
    'read_gateway',
    'read_settings',
    'terminals',
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(_LATER[name]), name)
