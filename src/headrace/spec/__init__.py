"""What is wanted: frozen records of a Flow, executors and gateway; their checks, YAML and physical plan."""

from headrace.spec.graph import check, last, order, terminals
from headrace.spec.plan import PhysicalPlan, ProcessPlan, plan
from headrace.spec.reading import read_executor, read_gateway, read_settings
from headrace.spec.records import GATEWAY, ExecutorSpec, ExposedEndpoint, FlowSpec, GatewaySpec
from headrace.spec.schema import flow_schema
from headrace.spec.source import Source
from headrace.spec.yaml import dump_flow, load_flow

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
    'dump_flow',
    'flow_schema',
    'last',
    'load_flow',
    'order',
    'plan',
    'read_executor',
    'read_gateway',
    'read_settings',
    'terminals',
]
