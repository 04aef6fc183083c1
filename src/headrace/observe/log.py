"""Log lines of our processes: to standard error, with time, level and who it was."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

TIME = '%H:%M:%S'


DEFAULT_FLOW = 'flow'


def who(name: str, flow: str) -> str:
    """What stands in the lines of a process: its name, after that of its Flow if somebody gave it one.

    >>> who('gateway', 'shop')
    'shop/gateway'
    """
    return name if flow == DEFAULT_FLOW else f'{flow}/{name}'


class _LastResort(logging.StreamHandler[TextIO]):
    """Prints what nobody else does: the lines of a program that has not configured logging."""

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.getLogger().handlers:
            self.setStream(sys.stderr)
            super().emit(record)


def to_someone(who: str) -> None:
    """See to it that warnings of ours are printed as `to_terminal` does, unless logging is configured."""
    ours = logging.getLogger('headrace')
    if any(isinstance(handler, _LastResort) for handler in ours.handlers):
        return
    handler = _LastResort()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter(_line(who), TIME))
    ours.addHandler(handler)


def to_terminal(who: str, level: str) -> None:
    """Print what is logged from `level` on; `who` is the executor or 'gateway' that this process runs.

    Libraries that configured logging before us keep what they set up.
    """
    logging.basicConfig(level=level, format=_line(who), datefmt=TIME)


def _line(who: str) -> str:
    return f'%(asctime)s %(levelname)-7s {who.replace("%", "%%")}  %(message)s'
