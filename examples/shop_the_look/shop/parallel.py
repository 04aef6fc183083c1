"""Work is spread over the processors of this machine."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor


def processes() -> ProcessPoolExecutor:
    """Give a pool with a process per processor; started afresh, as forking is not safe beside threads."""
    return ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context('spawn'))
