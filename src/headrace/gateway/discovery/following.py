"""The ways to find replicas in; out, where they are now, and word of each change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from headrace.gateway.discovery.places import Source
from headrace.gateway.orders import Target

AGAIN_S = 1.0

MOST_REPLICAS = 1000
"""Replicas of one target that are used: each takes an open file, and whoever lists them may be mistaken."""

MOST_TOLD = 20
"""Replicas that one line of the log names."""

_log = logging.getLogger(__name__)


class Following:
    """Follows the replicas of every target, until it is closed; `found` is where they are now.

    `changed` is set when there is news; `on_change` is told of which target.
    """

    def __init__(self, sources: Mapping[Target, Source]) -> None:
        self.sources = sources
        self.found: dict[Target, Mapping[str, str]] = {}
        self.changed = asyncio.Event()
        self.on_change: Callable[[Target], None] | None = None
        self._tasks = [asyncio.ensure_future(self._follow(*each)) for each in sources.items()]

    async def _follow(self, target: Target, source: Source) -> None:
        while True:
            try:
                async for replicas in source:
                    self._note(target, replicas)
                return  # it will not change any more
            except Exception:
                _log.exception('%s: %s failed, and is tried again', target, source)
            await asyncio.sleep(AGAIN_S)

    def _note(self, target: Target, replicas: Mapping[str, str]) -> None:
        before = self.found.get(target, {})
        if len(replicas) > MOST_REPLICAS:
            _log.warning('%s has %d replicas; %d of them are used', target, len(replicas), MOST_REPLICAS)
            known_first = sorted(replicas, key=lambda key: key not in before)
            replicas = {key: replicas[key] for key in known_first[:MOST_REPLICAS]}
        if replicas == before and target in self.found:
            return
        self.found[target] = replicas
        come, gone = sorted(replicas.keys() - before.keys()), sorted(before.keys() - replicas.keys())
        news = [*(f'+ {key}' for key in come), *(f'- {key}' for key in gone)]
        if len(news) > MOST_TOLD:
            news[MOST_TOLD:] = [f'and {len(news) - MOST_TOLD} more']
        _log.info('replicas of %s: %s; %d now', target, ', '.join(news), len(replicas))
        self.changed.set()
        if self.on_change is not None:
            self.on_change(target)

    async def close(self) -> None:
        """Follow no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
