"""Requests that end at a gateway in; out, a line for each (the access log) and one for each slow one."""

from __future__ import annotations

import logging
from math import inf
from random import random
from typing import Any

from headrace.gateway.finished import Finished
from headrace.gateway.observer import NEVER, Observer
from headrace.observe.logcontext import CURRENT, Place
from headrace.observe.loglines import ACCESS, SLOW
from headrace.pipeline.hops import Hop, divided, outside_s
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

    Of those without an error only a `sample` is written. Those that were refused have their line in the audit
    log, and none here. There are no headers and no queries in it.
    """

    def __init__(self, sample: float) -> None:
        self._sample = sample

    def __call__(self, finished: Finished) -> None:
        """Write the line of a request."""
        if finished.is_refused:
            return
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
    visits = [visit(hop) for hop in hops]
    gateway_ms = _ms(outside_s(finished.seconds, hops))
    parts = [_told(each) for each in visits] or ['it came to no executor']
    text = f'{finished.protocol} {finished.endpoint or "-"} {finished.status} '
    text += f'took {finished.seconds * 1000:.0f} ms: '
    text += f'{"; ".join(parts)}; gateway {gateway_ms:g} ms'
    facts = {
        'protocol': finished.protocol,
        'status': finished.status,
        'ms': _ms(finished.seconds),
        'gateway_ms': gateway_ms,
        'documents': finished.documents,
        'client': finished.client,
        'hops': visits,
    }
    _say(SLOW_LOG, logging.WARNING, finished, text, facts)


def visit(hop: Hop) -> dict[str, Any]:
    """A visit to an executor in; out, what is known of it, its stages in milliseconds."""
    found: dict[str, Any] = {'executor': hop.executor, 'ms': _ms(hop.took_s)}
    if hop.timing is not None:
        timing, stages = hop.timing, divided(hop)
        found['queue_ms'], found['batch_ms'] = _ms(stages.queue_s), _ms(stages.batch_s)
        found['handler_ms'], found['way_ms'] = _ms(stages.handler_s), _ms(stages.way_s)
        found['documents'], found['replica'] = timing.documents, timing.replica
        found['attempts'] = timing.attempts
    if hop.error:
        found['error'] = hop.error
    return found


def _told(visit: dict[str, Any]) -> str:
    named = ((name, visit.get(f'{name}_ms')) for name in ('queue', 'batch', 'handler', 'way'))
    inside = ', '.join(f'{name} {ms:g}' for name, ms in named if ms or (ms is not None and name != 'batch'))
    parts = (f'{visit.get("replica") or visit["executor"]} {visit["ms"]:g} ms', inside and f'({inside})')
    return ' '.join(filter(None, (*parts, visit.get('error'))))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _say(log: logging.Logger, level: int, finished: Finished, text: str, facts: dict[str, Any]) -> None:
    before = CURRENT.set((Place('', '', finished.endpoint), finished))
    try:  # without a look at who calls, which is known
        log.handle(log.makeRecord(log.name, level, __file__, 0, text, (), None, extra=facts))
    finally:
        CURRENT.reset(before)
