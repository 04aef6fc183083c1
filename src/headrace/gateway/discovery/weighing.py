"""A file with the shares of versions in; out, these shares, whenever they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from headrace.errors import SpecError
from headrace.spec import FlowSpec
from headrace.spec.versions import shares, weighed, with_version
from headrace.spec.weights import read_weights

LOOK_EVERY_S = 0.5

_log = logging.getLogger(__name__)


class Weighing:
    """The shares of versions that a file says: `encoder: {main: 90, v2: 10}`; of others, those of the Flow.

    While the file is away, or has what cannot be meant, what was said last counts.
    """

    def __init__(self, path: str | Path, flow: FlowSpec, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._path = Path(path)
        self._flow = flow
        self._look_every_s = look_every_s
        self._text: str | None = None
        self._trouble = ''

    def look(self) -> FlowSpec | None:
        """The Flow with the shares that the file says; None if nothing has changed, or cannot be read."""
        try:
            text = self._path.read_text(encoding='utf-8')
            if text == self._text:
                return None
            flow = with_weights(self._flow, text, str(self._path))
        except (OSError, UnicodeDecodeError, SpecError) as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                _log.warning('the weights in %s cannot be used: %s', self._path, self._trouble)
            return None
        self._text, self._trouble = text, ''
        return flow

    async def follow(self, weigh: Callable[[str, Mapping[str, float]], None]) -> None:
        """Have `weigh` divide the requests of each executor that has versions, whenever the file changes."""
        while True:
            await asyncio.sleep(self._look_every_s)
            flow = await asyncio.to_thread(self.look)
            for executor in flow.executors if flow is not None else ():
                if executor.versions:
                    weigh(executor.name, shares(executor))
                    _log.info('weights of executor %r: %s', executor.name, _in_words(shares(executor)))


def with_weights(flow: FlowSpec, text: str, name: str = 'weights') -> FlowSpec:
    """A Flow with other shares of versions, as a text says them; SpecError for what cannot be meant.

    >>> from headrace.spec import ExecutorSpec
    >>> flow = FlowSpec(executors=(ExecutorSpec(name='a', versions={'v2': ExecutorSpec(name='a/v2')}),))
    >>> with_weights(flow, 'a: {main: 1, v2: 1}')['a'].weights
    {'main': 1, 'v2': 1}
    """
    found, source = read_weights(text, name)
    for executor, weights in found.items():
        flow = with_version(flow, weighed(flow, executor, weights, source))
    return flow


def _in_words(weights: Mapping[str, float]) -> str:
    return ', '.join(f'{name} {weight:g}' for name, weight in weights.items())
