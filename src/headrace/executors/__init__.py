"""Executors: a class with marked methods in, a Handler that serves them out."""

from headrace.executors.batching import dynamic_batching
from headrace.executors.blueprint import Blueprint
from headrace.executors.calling import bind, call
from headrace.executors.decorator import requests
from headrace.executors.endpoint import Endpoint
from headrace.executors.endpoints import endpoints_of
from headrace.executors.executor import Executor
from headrace.executors.loading import load, load_class
from headrace.executors.monitoring import monitor
from headrace.executors.records import Metas, RuntimeArgs
from headrace.executors.serving import close, describe, serve

__all__ = [
    'Blueprint',
    'Endpoint',
    'Executor',
    'Metas',
    'RuntimeArgs',
    'bind',
    'call',
    'close',
    'describe',
    'dynamic_batching',
    'endpoints_of',
    'load',
    'load_class',
    'monitor',
    'requests',
    'serve',
]
