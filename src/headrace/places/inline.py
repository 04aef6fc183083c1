"""One executor's blueprints in, all its shards and replicas in this process as one handler out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headrace.executors import Executor, serve
from headrace.executors.blueprint import Blueprint
from headrace.observe.metrics.store import Store
from headrace.pipeline import Handler
from headrace.pipeline.assembly import assembled
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.replicas import Replicas
from headrace.places.blueprints import Loaded
from headrace.spec.plan import name_of

if TYPE_CHECKING:
    from headrace.observe.tracing.tracing import Tracing


async def built(
    loaded: Loaded,
    info: ExecutorInfo,
    executors: list[Executor],
    tracing: Tracing | None = None,
    stores: list[Store] | None = None,
) -> Handler:
    """Construct all replicas of all shards, and what comes before and after; they together as one handler.

    Each executor is added to `executors` as soon as it is there, so that it can be closed if a later one
    cannot be constructed; and its metrics to `stores`, unless these are none. Constructors run on a thread,
    one after the other.
    """
    spec = loaded.spec

    async def served(blueprint: Blueprint) -> Handler:
        store = None
        if stores:  # one each: metrics of the same name may be others'
            store = Store(process=stores[0].process)
            stores.append(store)
        executor: Executor = await asyncio.to_thread(blueprint.build, tracing, store)
        executors.append(executor)
        return serve(executor)

    before = await served(loaded.before) if loaded.before else None
    shards: list[Handler] = []
    for shard in range(spec.shards):
        replicas = Replicas(
            spec.name, info=info, retries=spec.retries, max_queue=spec.max_queue, sticky=spec.sticky
        )
        for replica in range(spec.least):
            replicas.add(name_of(spec, shard, replica), await served(loaded.own.at(shard, replica)))
        shards.append(replicas)
    after = await served(loaded.after) if loaded.after else None
    return assembled(spec, info, shards, before, after)
