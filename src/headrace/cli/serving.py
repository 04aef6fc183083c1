"""A Flow in; out: served until somebody stops it, with a few lines that say where."""

from __future__ import annotations

import sys
import time

import click

from headrace.cli.output import waiting, warn_of_strays
from headrace.cli.probes import ENDING, follow, probed
from headrace.cli.secure import how_to_call, scheme, secured
from headrace.flow import Flow
from headrace.gateway.ports import DASHBOARD
from headrace.gateway.security.scopes import Scopes
from headrace.observe import log
from headrace.places.containers import is_image, kept_in
from headrace.spec import FlowSpec, environment
from headrace.spec.security import SecuritySpec
from headrace.spec.versions import each_version

_EVERYWHERE = {'0.0.0.0': '127.0.0.1', '::': '[::1]'}


def serve(flow: Flow, *, is_secure: bool = False, health: str = '') -> None:
    """Start `flow`, say where it answers, and wait for Ctrl-C or SIGTERM.

    With `is_secure` only who has a key comes in, over TLS; `health` is where probes are answered.
    """
    warn_of_strays()
    key = ''
    if is_secure:
        flow, key = secured(flow)
    logs = flow.spec.observe.logs
    look = log.look(logs.format, sys.stderr, colours=environment.colours())
    log.to_terminal(flow.spec.name, logs.level or environment.read().log_level, look)
    began = time.monotonic()
    with probed(health) as told:
        with waiting(f'starting {flow.spec.name} ...'):
            flow.start()
        try:
            follow(told, flow)
            click.echo(
                f'{click.style(flow.spec.name, bold=True)} is ready after {time.monotonic() - began:.2f} s'
            )
            for line in (*addresses(flow), *how_to_call(flow, key), *kept(flow.spec)):
                click.echo(f'  {line}')
            click.echo('Ctrl-C stops it')
            flow.block()
        finally:
            told.reason = ENDING
            flow.close()
    click.echo('stopped')


def addresses(flow: Flow) -> list[str]:
    """Where the Flow answers, one line per protocol, with the pages that browsers find there."""
    gateway = flow.spec.gateway
    host = _EVERYWHERE.get(flow.host, flow.host)
    lines = []
    dashboard = flow.spec.observe.dashboard
    for protocol, port in flow.ports.items():
        if protocol == DASHBOARD:
            lines.append(f'dashboard: {scheme("http", flow)}://{dashboard.host}:{port}{dashboard.path}')
            continue
        address = f'{scheme(protocol, flow)}://{host}:{port}'
        if protocol == 'http':
            pages = f'   documentation: {address}/docs{_for_whom(gateway.security, "/docs")}'
            if dashboard.enabled and not dashboard.is_apart:  # which asks for a key itself
                pages = f'   dashboard: {address}{dashboard.path}{pages}'
            address += pages
        elif protocol == 'graphql':
            page = f'   GraphiQL in a browser{_for_whom(gateway.security, "/graphql")}'
            address += f'/graphql{page if gateway.graphql.page else ""}'
        lines.append(address)
    return lines


def kept(spec: FlowSpec) -> list[str]:
    """Where executors that are images keep their files here, one line per executor: in them, it is /data."""
    images = (executor for executor in each_version(spec.executors) if is_image(executor))
    return [f'{executor.name} keeps its files in {kept_in(spec, executor)}' for executor in images]


def _for_whom(security: SecuritySpec, page: str) -> str:
    """A browser shows no key: who wants a page in one has to let everybody read it."""
    is_shown = not security.authenticates or Scopes(security.anonymous).allows(page)
    return '' if is_shown else f' (wants a key; for browsers: security.anonymous: [{page}])'
