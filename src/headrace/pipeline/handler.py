"""The one shape of everything that serves: a batch and its context in, a batch out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context

Handler = Callable[[Batch, Context], Awaitable[Batch]]
"""An executor's endpoint, a graph of handlers, a connection to a worker, a whole Flow: each is one."""
