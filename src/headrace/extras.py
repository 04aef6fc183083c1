"""Optional dependencies: a name of a module in, the module out, or an error that tells how to install it."""

from __future__ import annotations

import importlib
from typing import Any

from headrace.errors import MissingExtra


def load(module: str, *, extra: str) -> Any:
    """Import `module`, which the optional dependency group `extra` brings.

    >>> load('json', extra='any').dumps({})
    '{}'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name is None or not module.startswith(error.name.partition('.')[0]):
            raise  # the module is there, but something that it needs itself is broken
        raise MissingExtra(f'{module} is not installed', help=f"pip install 'headrace[{extra}]'") from error
