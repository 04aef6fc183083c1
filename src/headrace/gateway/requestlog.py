"""Requests that end at a gateway in; out, a line for each (the access log) and one for each slow one."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from math import inf
from random import random
from typing import Any

from headrace.gateway.finished import Finished
from headrace.gateway.observer import NEVER, Observer
from headrace.observe.logcontext import CURRENT, Place
from headrace.observe.loglines import ACCESS, SLOW
from headrace.pipeline.hops import Hop
from headrace.spec.observe import LogsSpec

ACCESS_LOG, SLOW_LOG = logging.getLogger(ACCESS), logging.getLogger(SLOW)
FAILED = 400
"""Statuses from here on are errors."""


def log_requests(observer: Observer, spec: LogsSpec) -> None:
    """Write the lines that `spec` wants; without any, requests cost nothing more."""
    if spec.access != 'off':
        ACCESS_LOG.setLevel(logging.INFO)  # it was asked for, whatever else is logged
        access = Access(spec.access_sample)
        observer.listen(access, over_s=0.0 if spec.access == 'all' else inf, status=FAILED)
    if spec.slow_s is not None:
        SLOW_LOG.setLevel(logging.WARNING)
        observer.listen(slow, over_s=spec.slow_s, status=NEVER)


class Access:
    """One line per request: who asked what over which protocol, how it ended, how long and how much it was.

    Of those without an error only a `sample` is written. There are no headers and no queries in it.
    """

    def __init__(self, sample: float) -> None:
        self._sample = sample

    def __call__(self, finished: Finished) -> None:
        """Write the line of a request."""
        if finished.status < FAILED and self._sample < 1 and random() >= self._sample:
            return
        status, ms = finished.status, round(finished.seconds * 1000, 2)
        facts: dict[str, Any] = {
            'protocol': finished.protocol,
            'status': status,
            'ms': ms,
            'received_bytes': finished.received_bytes,
            'sent_bytes': finished.sent_bytes,
            'documents': finished.documents,
            'client': finished.client,
        }
        text = f'{finished.client or "-"} {finished.protocol} {finished.endpoint or "-"} {status} {ms:g} ms'
        text += f', {finished.documents} documents, {finished.received_bytes} bytes in, '
        text += f'{finished.sent_bytes} out'
        if finished.error:
            facts['reason'] = finished.error
            text += f': {finished.error}'
        _say(ACCESS_LOG, logging.INFO, finished, text, facts)


def slow(finished: Finished) -> None:
    """Write where the time of a request went."""
    hops = finished.hops or ()
    stages = [stage(hop) for hop in hops]
    total_ms, inside_ms = finished.seconds * 1000, _covered_s(hops) * 1000
    gateway_ms = round(max(0.0, total_ms - inside_ms), 2)
    parts = [_told(each) for each in stages] or ['it came to no executor']
    text = f'{finished.protocol} {finished.endpoint or "-"} {finished.status} took {total_ms:.0f} ms: '
    text += f'{"; ".join(parts)}; gateway {gateway_ms:g} ms'
    facts = {
        'protocol': finished.protocol,
        'status': finished.status,
        'ms': round(total_ms, 2),
        'gateway_ms': gateway_ms,
        'documents': finished.documents,
        'client': finished.client,
        'stages': stages,
    }
    _say(SLOW_LOG, logging.WARNING, finished, text, facts)


def stage(hop: Hop) -> dict[str, Any]:
    """A visit to an executor in milliseconds: waiting there, its handler, and the rest, which is the way."""
    found: dict[str, Any] = {'executor': hop.executor, 'ms': _ms(hop.took_s)}
    if hop.timing is not None:
        timing = hop.timing
        found['queue_ms'], found['batch_ms'] = _ms(timing.queue_s), _ms(timing.batch_s)
        found['handler_ms'] = _ms(timing.handler_s)
        found['way_ms'] = _ms(max(0.0, hop.took_s - timing.queue_s - timing.handler_s))
        found['documents'], found['replica'] = timing.documents, timing.replica
        found['attempts'] = timing.attempts
    if hop.error:
        found['error'] = hop.error
    return found


def _told(stage: dict[str, Any]) -> str:
    named = ((name, stage.get(f'{name}_ms')) for name in ('queue', 'handler', 'way'))
    inside = ', '.join(f'{name} {ms:g}' for name, ms in named if ms is not None)
    parts = (f'{stage.get("replica") or stage["executor"]} {stage["ms"]:g} ms', inside and f'({inside})')
    return ' '.join(filter(None, (*parts, stage.get('error'))))


def _covered_s(hops: Iterable[Hop]) -> float:
    """The time in which at least one executor was visited."""
    total = until = 0.0
    for begun, ended in sorted((hop.begun, hop.begun + hop.took_s) for hop in hops):
        total += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    return total


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _say(log: logging.Logger, level: int, finished: Finished, text: str, facts: dict[str, Any]) -> None:
    before = CURRENT.set((Place('', '', finished.endpoint), finished))
    try:  # without a look at who calls, which is known
        log.handle(log.makeRecord(log.name, level, __file__, 0, text, (), None, extra=facts))
    finally:
        CURRENT.reset(before)
