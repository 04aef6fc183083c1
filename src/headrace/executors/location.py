"""Where user code is: functions, classes and exceptions in, `file:line` out."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

_OURS = tuple(str(Path(__file__).parents[1] / part) for part in ('executors', 'pipeline'))


def of_function(function: Callable[..., Any]) -> str:
    """`file:line` of a function's first line ('' for one that has no Python code)."""
    code = getattr(inspect.unwrap(function), '__code__', None)
    return f'{code.co_filename}:{code.co_firstlineno}' if code else ''


def of_class(cls: type[Any]) -> str:
    """`file:line` of a class: its own line where Python knows it, else that of its first method."""
    line = vars(cls).get('__firstlineno__')
    if line is not None:
        return f'{getattr(sys.modules.get(cls.__module__), "__file__", cls.__module__)}:{line}'
    found = (of_function(value) for value in vars(cls).values() if inspect.isfunction(value))
    return next((place for place in found if not place.startswith('<')), cls.__module__)


def of_error(error: BaseException) -> str:
    """`file:line` of the user's line that an exception comes from: the last one outside of the libraries.

    '' if none of the user's code took part.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f'{error.filename}:{error.lineno}'
    frames = [
        each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith(_OURS)
    ]
    own = [frame for frame in frames if 'site-packages' not in frame.filename]
    own = [frame for frame in own if not frame.filename.startswith((sys.base_prefix + '/lib', '<frozen'))]
    return f'{(own or frames)[-1].filename}:{(own or frames)[-1].lineno}' if frames else ''


def brief(location: str) -> str:
    """A location without its folders: it may be shown to a client, who must not learn the server's paths."""
    return Path(location).name


def user_traceback(error: BaseException) -> str:
    """The traceback of an exception as text, without our own frames at its start."""
    return ''.join(traceback.format_exception(type(error), error, _users(error.__traceback__)))


def _users(trace: TracebackType | None) -> TracebackType | None:
    first = trace
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return trace or first
