"""Where a value was written, so that an error can say it: a file with lines, or a call in Python."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from headrace.errors import SpecError

Path = tuple[str | int, ...]
"""The way from the top of a document to a value: ('executors', 1, 'needs')."""


class Source(Struct, frozen=True):
    """A file (`flow.yml`) with the line of each key, or a call (`Flow.add()`) without lines.

    `texts` has the letters of unquoted numbers, truth values and nothings: `010` is the number 10, but as the
    value of an environment variable it is `010`. `written` has the texts that took something from the
    environment, as they stand in the file: `Bearer ${{ ENV.TOKEN }}`.
    """

    name: str = ''
    lines: Mapping[Path, int] = {}
    texts: Mapping[Path, str] = {}
    written: Mapping[Path, str] = {}

    @property
    def is_call(self) -> bool:
        """Whether the value is one of Python, whose type nobody writes by a slip of quotes."""
        return self.name.endswith('()')

    def line(self, path: Path) -> int | None:
        """The line on which `path`, or else the nearest key above it, is written."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None

    def under(self, path: Path) -> dict[Path, str]:
        """What is `written` below `path`, by the way from there."""
        length = len(path)
        return {at[length:]: text for at, text in self.written.items() if at[:length] == path != at}

    def written_at(self, path: Path) -> str:
        """What is `written` for the value at `path`, or for all that it is a part of; '' if nothing is."""
        starts = (path[:length] for length in range(len(path), 0, -1))
        return next((self.written[start] for start in starts if start in self.written), '')

    def error(self, path: Path, message: str, *, help: str = '') -> SpecError:
        """The SpecError that says `message` about the value at `path`."""
        line = self.line(path)
        where = f'{self.name}:{line}' if self.name and line else self.name or (f'line {line}' if line else '')
        return SpecError(': '.join(part for part in (where, dotted(path), message) if part), help=help)


def step(key: object) -> str | int:
    """A key of a mapping as a part of a path."""
    return key if isinstance(key, int) else str(key)


def dotted(path: Path) -> str:
    """A path as people write it.

    >>> dotted(('executors', 1, 'needs'))
    'executors[1].needs'
    """
    text = ''
    for part in path:
        text += f'[{part}]' if isinstance(part, int) else f'.{part}' if text else part
    return text
