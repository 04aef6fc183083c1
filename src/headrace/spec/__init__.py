"""What is wanted: frozen records of a Flow, executors and gateway; their checks, YAML and physical plan."""

from headrace.spec.graph import check, last, order, terminals
from headrace.spec.plan import PhysicalPlan, ProcessPlan, plan
from headrace.spec.records import GATEWAY, ExecutorSpec, ExposedEndpoint, FlowSpec, GatewaySpec
from headrace.spec.source import Source

__all__ = [
    'GATEWAY',
    'ExecutorSpec',
    'ExposedEndpoint',
    'FlowSpec',
    'GatewaySpec',
    'PhysicalPlan',
    'ProcessPlan',
    'Source',
    'check',
    'last',
    'order',
    'plan',
    'terminals',
]
