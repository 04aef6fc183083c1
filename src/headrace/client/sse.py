"""Bytes of a `text/event-stream` in, however they are cut, server-sent events out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE_END = re.compile(rb'\r\n|\n|\r')


class Event(NamedTuple):
    """One event; the lines of its `data` are joined by line feeds."""

    name: str
    data: bytes


class Events:
    """Reads events from pieces; a piece may end anywhere, also between the two signs of a line end.

    >>> events = Events()
    >>> list(events.feed(b'event: item\\ndata: {"a":'))
    []
    >>> list(events.feed(b'1}\\n\\n'))
    [Event(name='item', data=b'{"a":1}')]
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._name = ''
        self._data: list[bytes] = []
        self._skips_feed = False
        self._is_first = True

    @property
    def size(self) -> int:
        """Bytes of the event that has not ended yet."""
        return sum(map(len, self._line)) + sum(map(len, self._data))

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that end in this piece."""
        if self._skips_feed and piece:
            self._skips_feed = False
            piece = piece.removeprefix(b'\n')
        start = 0
        for end in _LINE_END.finditer(piece):
            self._line.append(piece[start : end.start()])
            start = end.end()
            event = self._take(b''.join(self._line))
            self._line = []
            if event is not None:
                yield event
        if start < len(piece):
            self._line.append(piece[start:])
        elif piece:
            # What follows a carriage return at the very end may be the line feed that belongs to it.
            self._skips_feed = piece.endswith(b'\r')

    def _take(self, line: bytes) -> Event | None:
        """Take a line; the event, if it is the empty one that ends it."""
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(b'\xef\xbb\xbf')
        if not line:
            name, data = self._name, self._data
            self._name, self._data = '', []
            return Event(name or 'message', b'\n'.join(data)) if data else None
        key, _, value = line.partition(b':')
        value = value.removeprefix(b' ')
        if key == b'event':
            self._name = value.decode(errors='replace')
        elif key == b'data':
            self._data.append(value)
        return None
