"""Replicas whose handlers are fakes, and the calls that a test makes to them."""

from __future__ import annotations

import asyncio
from typing import Any

from fake_replicas import INFO, FakeReplica, request, settle

from headrace.pipeline.replicas import Replicas


class Stage:
    """Replicas with fakes behind, and the calls that a test has made."""

    def __init__(self, count: int = 2, *, window: int | None = None, **options: Any) -> None:
        self.now = 0.0
        self.replicas = Replicas('encoder', info=INFO, clock=lambda: self.now, **options)
        if window is not None:
            self.replicas._roster._window = window
        self.fakes = [FakeReplica(f'rep-{n}') for n in range(count)]
        for fake in self.fakes:
            self.replicas.add(fake.key, fake)
        self.calls: list[Any] = []

    async def send(self, count: int = 1, **options: Any) -> Any:
        """Make calls, and let them go where they can."""
        made: list[Any] = []
        for _ in range(count):
            batch, context = request(len(self.calls), **options)
            task: Any = asyncio.ensure_future(self.replicas(batch, context))
            task.context = context
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen
            self.calls.append(task)
            made.append(task)
        await settle()
        return made[0] if count == 1 else made

    async def answer_all(self) -> None:
        """Answer whatever is under way, until nothing is."""
        while any(fake.open for fake in self.fakes):
            for fake in self.fakes:
                for run in fake.open:
                    run.answer()
            await settle()

    @property
    def loads(self) -> list[int]:
        """The calls that each replica has."""
        return [len(fake.open) for fake in self.fakes]


def told(task: Any) -> Any:
    """What a call ended with."""
    assert task.done()
    return task.exception() or task.result().parameters['by']
