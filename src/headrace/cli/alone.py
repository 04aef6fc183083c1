"""What the commands that run one part of a Flow alone have in common: the Flow's file, health, environment.

They are what containers run, so they import little before the environment is as the Flow says: libraries of
numbers read it when they are imported.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from socket import gethostname
from typing import Any, TypeVar

import click
from msgspec.structs import replace

from headrace.cli.options import KeyValue
from headrace.cli.program import Failure
from headrace.errors import HeadraceError, SpecError
from headrace.spec import FlowSpec, environment, load_flow

Decorated = TypeVar('Decorated', bound=Callable[..., Any])


def read(flow: Path, context: tuple[tuple[str, Any], ...], base: Path | None) -> FlowSpec:
    """The Flow of a file, whose relative paths begin at `base`; SpecError if that is no folder."""
    if base is not None and not base.is_dir():
        raise SpecError(
            f'--base {base}: there is no such folder',
            help='relative paths of the Flow begin there: name the folder with --base or HEADRACE_BASE; in a '
            'container, look at what is mounted there',
        )
    spec = load_flow(flow, context=dict(context))
    return spec if base is None else replace(spec, base=str(base.resolve()))


def with_options(*options: Callable[[Any], Any]) -> Callable[[Decorated], Decorated]:
    """One decorator for several options."""

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


alone_options = with_options(
    click.argument('flow', metavar='FLOW.yml', type=click.Path(path_type=Path)),
    click.option(
        '--set',
        '--context',
        'context',
        type=KeyValue(typed=True),
        multiple=True,
        help='Value of ${{ key }} in the file; may be repeated.',
    ),
    click.option(
        '--base',
        type=click.Path(path_type=Path),
        envvar='HEADRACE_BASE',
        help='Folder that relative paths in the file start from; default: that of the file.',
    ),
    click.option(
        '--health',
        default='',
        metavar='HOST:PORT',
        help='Where probes are answered: /live, /ready, and /metrics for Prometheus.',
    ),
)
"""The argument FLOW.yml, and the options that both commands have."""


def later(module: str) -> Any:
    """A module of ours that imports libraries of numbers, now that the environment is complete."""
    return import_module(f'headrace.{module}')


def name_of_host() -> str:
    """What this process is called: in a container, the name of the container or Pod."""
    return gethostname() or f'process-{os.getpid()}'


def start_errors() -> Callable[[BaseException], None]:
    """What tells of an error as all commands do, where standard error leads now: later the log has it."""
    stream = sys.stderr

    def tell(error: BaseException) -> None:
        if environment.read().debug:
            traceback.print_exception(error, file=stream)
        if not isinstance(error, HeadraceError):
            error = HeadraceError(f'{type(error).__name__}: {error}')
        Failure(error).show(stream)
        stream.flush()

    return tell
