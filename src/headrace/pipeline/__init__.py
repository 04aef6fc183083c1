"""How requests flow: batches, context, handlers and the graph that joins them; no I/O, no processes."""

from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.context import Context
from headrace.pipeline.graph import Graph
from headrace.pipeline.handler import Handler
from headrace.pipeline.node import Node

__all__ = ['Batch', 'Context', 'Graph', 'Handler', 'Node', 'Payload']
