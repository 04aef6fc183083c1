"""`headrace top`: a running Flow in the terminal, as it works."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from contextlib import AbstractAsyncContextManager
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.live import Live

from headrace.cli.connecting import connection, connection_options
from headrace.cli.keyboard import Keyboard
from headrace.cli.measured import FlowPace, between
from headrace.cli.output import show
from headrace.cli.pages import Pages, pages, url_argument
from headrace.cli.top_table import SORTS, drawn
from headrace.errors import BadServer, HeadraceError, Unavailable
from headrace.gateway.dashboard.records import State

POINTS = 120


@click.command('top')
@url_argument
@click.option(
    '--every-s',
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    help='Seconds between two looks; rates are those in between.',
)
@click.option('--once', is_flag=True, help='Look twice, print once, and end.')
@click.option('--json', 'as_json', is_flag=True, help='Print a line of JSON at each look instead.')
@click.option('--path', default='/dashboard', show_default=True, help='Where the dashboard of the Flow is.')
@click.option(
    '--timeout-s', type=click.FloatRange(min=0.01), default=5.0, show_default=True, help='Seconds per answer.'
)
@connection_options
def command(
    url: str,
    *,
    flow: str,
    every_s: float,
    once: bool,
    as_json: bool,
    path: str,
    timeout_s: float,
    **options: Any,
) -> None:
    """Show what a running Flow does, in the terminal, live.

    URL is http://host:port; without it, a Flow of yours on this machine: see --flow.
    Keys: q quits, s sorts executors in another way, the space bar stops the picture.

    \b
    Examples:
        headrace top
        headrace top --flow shop
        headrace top http://127.0.0.1:8080 --every-s 1
        headrace top https://shop.example --key-file key.txt --once
        headrace top --json                              # one line every 2 seconds, for scripts
    """
    found = pages(url, flow, connection(options), timeout_s)
    is_live = sys.stdout.isatty() and not (once or as_json)
    asyncio.run(_top(found, path, every_s=every_s, is_live=is_live, as_json=as_json, once=once))


async def _top(
    pages: AbstractAsyncContextManager[Pages],
    path: str,
    *,
    every_s: float,
    is_live: bool,
    as_json: bool,
    once: bool,
) -> None:
    async with pages as found:
        source = Source(found, path)
        before = await source.state()
        if is_live:
            await _live(source, before, every_s)
            return
        while True:
            await asyncio.sleep(every_s)
            now = await source.state()
            _print(between(before, now), source.rates, as_json)
            if once or not as_json:
                return
            before = now


def _print(pace: FlowPace, rates: deque[float], as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(pace))
    else:
        show(drawn(pace, rates))


class Source:
    """The states of one Flow, and the rates that it had in the last minutes."""

    def __init__(self, found: Pages, path: str) -> None:
        self.rates: deque[float] = deque(maxlen=POINTS)
        self.address = found.address
        self._pages = found
        self._path = path

    async def state(self) -> State:
        """How the Flow is now; the first time with the minutes before."""
        asked = f'{self._path}/state' if self.rates else f'{self._path}/state?history'
        try:
            state = await self._pages.read(asked, State)
        except BadServer as error:
            if error.status != 404:
                raise
            raise HeadraceError(
                f'{self.address} has no dashboard at {self._path}, and top reads what that shows',
                help='switch it on (observe: {dashboard: {enabled: true}}), or say where it is: --path',
            ) from None
        if state.history is not None:
            self.rates.extend(point.rate for point in state.history.flow)
        return state


async def _live(source: Source, before: State, every_s: float) -> None:
    """Draw again and again, until somebody presses q; a gateway that is away for a while may come back."""
    sorts = list(SORTS)
    is_still = False
    console = Console(highlight=False)
    pace, hint = between(before, before), ''
    with Keyboard() as keyboard, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(
                drawn(pace, source.rates, sort=sorts[0], hint=hint or _keys(sorts[0], is_still)), refresh=True
            )
            match await keyboard.key(every_s):
                case 'q' | 'Q' | '\x1b':
                    return
                case 's':
                    sorts.append(sorts.pop(0))
                case ' ':
                    is_still = not is_still
                case '' if not is_still:
                    try:
                        now = await source.state()
                    except Unavailable as error:
                        hint = f'{error.message}; asking again'
                        continue
                    pace, before, hint = between(before, now), now, ''
                    source.rates.append(pace.pace.rate)


def _keys(sort: str, is_still: bool) -> str:
    return f'q quit   s sort ({sort})   space {"goes on" if is_still else "stops the picture"}'
