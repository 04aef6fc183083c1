"""How requests flow: batches, context, handlers and the graph that joins them; no I/O, no processes."""

from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.context import Context
from headrace.pipeline.graph import Graph, Node
from headrace.pipeline.handler import Handler

__all__ = ['Batch', 'Context', 'Graph', 'Handler', 'Node', 'Payload']
