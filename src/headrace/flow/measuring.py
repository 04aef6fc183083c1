"""A running Flow in, its metrics out: what `/metrics` tells, also where there is no door to ask at."""

from __future__ import annotations

from typing import Any

from headrace.errors import HeadraceError
from headrace.gateway.metrics import Metrics
from headrace.gateway.observer import Observer


def metrics(flow: Any) -> Any:
    """The metrics of all processes of a Flow, as text for Prometheus; a coroutine if it is asynchronous."""
    session = flow.session

    async def told() -> str:
        running = session.running
        info, stores = running.info, running.stores
        if not stores:
            raise HeadraceError(
                'nothing is measured in this Flow',
                help='switch it on: observe={"metrics": {"enabled": True}}',
            )
        names = running.spec.observe.metrics.jina_names
        own, *others = stores
        observer = getattr(running, 'observer', None) or Observer()  # only one process has it, and no door
        metrics = Metrics(own, observer, flow=info.name, jina_names=names, others=others)
        text, _ = await metrics.text()
        return text.decode()

    return told() if flow.is_async else session.run(told())
