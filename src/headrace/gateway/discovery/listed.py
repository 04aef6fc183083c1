"""Addresses that somebody has written down: once, or in a file that may change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from headrace.errors import SpecError
from headrace.wire.address import parse

LOOK_EVERY_S = 0.5
LONGEST = 1024 * 1024
"""Characters that a list may have."""

_log = logging.getLogger(__name__)


class Fixed:
    """Replicas whose addresses stay what they are."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = tuple(dict.fromkeys(addresses))
        self.trouble = ''

    async def __aiter__(self) -> AsyncIterator[Mapping[str, str]]:
        yield {address: address for address in self._addresses}

    def __str__(self) -> str:
        return ', '.join(self._addresses)

    def __repr__(self) -> str:
        return f'<Fixed {self}>'


class Listed:
    """Replicas whose addresses are in a file: one in each line, or several with commas; # begins a comment.

    The file is read again and again; while it is away, or has what cannot be read, its last content counts.
    It may be looked at while somebody writes it, so what has gone from it counts when it is still not there
    at the next look.
    """

    def __init__(self, path: str, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._path = Path(path)
        self._look_every_s = look_every_s
        self.trouble = ''

    async def __aiter__(self) -> AsyncIterator[Mapping[str, str]]:
        text: str | None = None
        seen, known = '', dict[str, str]()
        while True:
            try:
                now = await asyncio.to_thread(_text_of, self._path)
                if now != text:
                    found = {address: address for address in addresses_in(now)}
                    if known.keys() <= found.keys() or now == seen:
                        text, self.trouble, known = now, '', found
                        yield found
                seen = now
            except (OSError, UnicodeDecodeError, SpecError) as error:
                if str(error) != self.trouble:
                    self.trouble = str(error)
                    _log.warning('the list of replicas %s cannot be used: %s', self._path, self.trouble)
            await asyncio.sleep(self._look_every_s)

    def __str__(self) -> str:
        return f'file:{self._path}'

    def __repr__(self) -> str:
        return f'<Listed in {self._path}>'


def _text_of(path: Path) -> str:
    """The text of a list; OSError for what is none: a pipe or a device may have no end."""
    if path.exists() and not path.is_file():
        raise OSError('it is no file')
    with path.open(encoding='utf-8') as file:
        text = file.read(LONGEST + 1)
    if len(text) > LONGEST:
        raise OSError(f'it has more than {LONGEST} characters')
    return text


def addresses_in(text: str) -> Iterator[str]:
    """The addresses in the text of such a file; SpecError for one that is none.

    >>> list(addresses_in('10.0.0.1:9090  # the large one\\nunix:/run/b'))
    ['tcp:10.0.0.1:9090', 'unix:/run/b']
    """
    for number, line in enumerate(text.splitlines(), 1):
        for word in line.partition('#')[0].replace(',', ' ').split():
            address = word if word.partition(':')[0] in ('unix', 'tcp', 'tcp+tls') else f'tcp:{word}'
            try:
                parse(address)
            except SpecError:
                raise SpecError(
                    f'line {number}, {line.strip()!r}: {word!r} is not the address of a worker',
                    help='write host:port, tcp+tls:host:port or unix:/path/to/socket',
                ) from None
            yield address
