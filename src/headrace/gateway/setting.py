"""What a gateway's process has around it, beside the Flow that it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from headrace.gateway.measuring import Measuring
from headrace.observe.metrics.store import Store
from headrace.spec import ExecutorSpec
from headrace.spec.observe import ObserveSpec

Weights = Callable[[], Mapping[str, Mapping[str, float]]]
"""Tells, of each executor that has several versions, their shares of the requests as they are now."""


class Setting(NamedTuple):
    """The Flow's own folder ('': it has none), what is to be seen of the Flow, and what counts are kept in.

    Without a `store` the gateway has one of its own, in memory. `executors` are those behind it,
    `look` measures how busy they are now, `weights` tells how requests are divided among their versions.
    """

    directory: str = ''
    observe: ObserveSpec = ObserveSpec()
    store: Store | None = None
    executors: tuple[ExecutorSpec, ...] = ()
    look: Callable[[Measuring], None] | None = None
    weights: Weights | None = None


NOTHING = Setting()
"""A gateway in the process of who wants it."""
