"""Log lines of our processes: to standard error, with time, level and who it was."""

from __future__ import annotations

import logging


def to_terminal(who: str, level: str) -> None:
    """Print what is logged from `level` on; `who` is the executor or 'gateway' that this process runs.

    Libraries that configured logging before us keep what they set up.
    """
    line = f'%(asctime)s %(levelname)-7s {who}  %(message)s'
    logging.basicConfig(level=level, format=line, datefmt='%H:%M:%S')
