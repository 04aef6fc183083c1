"""What a gateway says of itself: whether it lives, whether its Flow can work, and what it is."""

from __future__ import annotations

import asyncio
import logging
import platform
import time
from collections.abc import Mapping

import msgspec
import numpy

from headrace._version import __version__
from headrace.gateway.entrance import Readiness, States
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import Response, as_json
from headrace.gateway.problems import passed_over, problems
from headrace.observe.paths import hide_paths
from headrace.pipeline.describe import FlowInfo

LOG = logging.getLogger('headrace.gateway')
PATIENCE_S = 5.0
"""How long executors may take to say whether they can work: an answer after that is a no."""


class Health:
    """The answers to probes and to the curious; `draining` is set when the gateway is about to stop."""

    def __init__(self, info: FlowInfo, ready: Readiness | None, states: States | None = None) -> None:
        self.draining = False
        self._info = info
        self._ready = ready
        self._states = states
        self._started = time.monotonic()

    async def health(self, request: Request) -> Response:
        """200 as long as this process answers at all."""
        return as_json({'status': 'ok'})

    async def ready(self, request: Request) -> Response:
        """200 if every executor can work and the gateway is not stopping, else 503 with who cannot."""
        executors, problem = await self._ask()
        status = 'draining' if self.draining else problem or 'ready'
        answer: dict[str, object] = {'status': status, 'executors': executors}
        if problem:
            answer['problems'] = problems(executors, self._replicas())
        elif without := passed_over(executors, self._replicas()):
            answer['passed_over'] = without
        return as_json(answer) if status == 'ready' else as_json(answer, 503, ((b'retry-after', b'1'),))

    async def dry_run(self, request: Request) -> Response:
        """The readiness in the shape that Jina 3 clients expect; code 0 is good."""
        executors, problem = await self._ask()
        away = ', '.join(name for name, answers in executors.items() if not answers)
        description = f'{problem}: {away}' if away else problem
        code = 1 if problem else 0
        return as_json({'code': code, 'description': description, 'exception': None}, 503 if code else 200)

    async def status(self, request: Request) -> Response:
        """Versions, the Flow, its executors and how their replicas are, and how long it has been up."""
        versions = {
            'headrace': __version__,
            'python': platform.python_version(),
            'msgspec': msgspec.__version__,
            'numpy': numpy.__version__,
        }
        states = {
            name: {key: hide_paths(state) for key, state in each.items()}
            for name, each in self._replicas().items()
        }
        executors: list[dict[str, object]] = [
            {'name': executor.name, 'endpoints': [endpoint.name for endpoint in executor.endpoints]}
            | ({'replicas': states[executor.name]} if executor.name in states else {})
            for executor in self._info.executors
        ]
        return as_json(
            {
                'headrace': versions,
                'flow': self._info.name,
                'executors': executors,
                'endpoints': [endpoint.name for endpoint in self._info.endpoints],
                'uptime_s': round(time.monotonic() - self._started, 3),
            }
        )

    @property
    def uptime_s(self) -> float:
        """How long this gateway has been up."""
        return time.monotonic() - self._started

    async def told(self) -> tuple[str, dict[str, bool], dict[str, str]]:
        """In a word how the Flow is, whether each executor can work, and for each that cannot why."""
        executors, problem = await self._ask()
        status = 'draining' if self.draining else problem or 'ready'
        return status, executors, problems(executors, self._replicas()) if problem else {}

    async def describe(self, request: Request) -> Response:
        """The Flow as clients of ours read it: its executors, endpoints, and the documents of each."""
        return as_json(self._info)

    def _replicas(self) -> Mapping[str, Mapping[str, str]]:
        return self._states() if self._states is not None else {}

    async def _ask(self) -> tuple[dict[str, bool], str]:
        """What each executor says, and what is wrong ('' if nothing is)."""
        if self._ready is None:
            return {}, ''
        try:
            executors = await asyncio.wait_for(self._ready(), PATIENCE_S)
        except Exception as error:
            LOG.warning('the executors could not be asked whether they are ready: %s', error)
            return {}, 'not ready'
        return executors, '' if all(executors.values()) else 'not ready'
