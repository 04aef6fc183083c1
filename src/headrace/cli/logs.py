"""`headrace logs`: what the processes of a running Flow have written, all in one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

import click

from headrace.cli.here import checked_url, flow_at, flow_here, flow_option
from headrace.errors import SpecError
from headrace.observe.log import SUPERVISOR, look
from headrace.observe.logfiles import Follower, is_wanted, tail
from headrace.observe.loglines import LEVELS, Line
from headrace.places.noticeboard import Notice, running
from headrace.spec import environment

LOOK_EVERY_S = 0.25


@click.command('logs')
@click.argument('url', required=False, default='')
@click.argument('process', required=False, default='')
@flow_option
@click.option(
    '--level', type=click.Choice(list(LEVELS), case_sensitive=False), help='The least that is shown.'
)
@click.option('--request', 'request_id', help='Lines of one request: its id, or how that begins.')
@click.option(
    '-n', '--lines', type=click.IntRange(min=0), default=100, show_default=True, help='The last ones.'
)
@click.option(
    '-f', '--follow', is_flag=True, help='Go on with new lines until Ctrl-C, or the end of the Flow.'
)
@click.option('--json', 'is_json', is_flag=True, help='As JSON, one object per line.')
def command(
    url: str,
    process: str,
    *,
    flow: str,
    level: str | None,
    request_id: str | None,
    lines: int,
    follow: bool,
    is_json: bool,
) -> None:
    """Show the last lines that a running Flow has logged or printed.

    Those of all of its processes, each with the name of the process and the id of its request.
    PROCESS is the name of an executor, of one of its processes (encoder/rep-0), 'gateway', or 'supervisor';
    default: all of them. URL (http://host:port) or --flow say which Flow, if several of yours run. It runs on
    this machine: lines are kept where it does.

    \b
    Examples:
        headrace logs
        headrace logs encoder --level warning -f
        headrace logs http://127.0.0.1:8080 gateway
        headrace logs --request 3f2a                  # all that was said of one request
    """
    notice, process = _meant(url, process, flow)
    if notice.is_alone:
        raise SpecError(
            f'flow {notice.flow!r} is a gateway that runs alone: it keeps no lines',
            help='they are where it prints, and each worker for itself: docker logs, kubectl logs',
        )
    follower = Follower(notice.directory)
    last = tail(notice.directory, process or None, level=level, request_id=request_id, limit=lines)
    if process and process != SUPERVISOR and not last:
        notice.of(process)  # one that is gone may have lines; one that never was is a slip of the pen
    _show(last, is_json=is_json)
    while follow and _runs(notice.pid, notice.directory):
        time.sleep(LOOK_EVERY_S)
        fresh = (line for line in follower.fresh() if is_wanted(line, process, level, request_id))
        _show(fresh, is_json=is_json)


def _meant(url: str, process: str, flow: str) -> tuple[Notice, str]:
    """The Flow and the process that are meant; a single word is an address, or else a process."""
    if ':' not in url and not process:
        url, process = '', url
    return flow_at(checked_url(url, flow)) if url else flow_here(flow), process


def _show(lines: Iterable[Line], *, is_json: bool) -> None:
    written = look('json' if is_json else 'text', sys.stdout, colours=environment.colours())
    for line in lines:
        click.echo(written(line), color=True)


def _runs(pid: int, directory: str) -> bool:
    root = environment.read().runtime_root()
    return any((each.pid, each.directory) == (pid, directory) for each in running(root))
