"""Headrace: a function over multimodal documents in, a served Flow out. The public names, and nothing else.

Names are imported when they are first used (PEP 562), so that `import headrace` stays light and a worker
never pays for the client or the command line.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from headrace._version import __version__

if TYPE_CHECKING:
    from headrace.client import Client
    from headrace.documents import BaseDoc, DocList, Document, DocumentArray, NdArray, TorchTensor
    from headrace.executors import Executor, dynamic_batching, monitor, requests
    from headrace.flow import Flow
    from headrace.gateway.custom import Gateway

_HOMES = {
    'BaseDoc': 'headrace.documents',
    'Client': 'headrace.client',
    'DocList': 'headrace.documents',
    'Document': 'headrace.documents',
    'DocumentArray': 'headrace.documents',
    'Executor': 'headrace.executors',
    'Flow': 'headrace.flow',
    'Gateway': 'headrace.gateway.custom',
    'NdArray': 'headrace.documents',
    'TorchTensor': 'headrace.documents',
    'dynamic_batching': 'headrace.executors',
    'monitor': 'headrace.executors',
    'requests': 'headrace.executors',
}

__all__ = [
    'BaseDoc',
    'Client',
    'DocList',
    'Document',
    'DocumentArray',
    'Executor',
    'Flow',
    'Gateway',
    'NdArray',
    'TorchTensor',
    '__version__',
    'dynamic_batching',
    'monitor',
    'requests',
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
