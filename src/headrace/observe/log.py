"""Lines of a process: where they go, how they look, and from which level on."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import sys
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, TextIO

from headrace.observe.logchannel import Channel, now
from headrace.observe.logcontext import CURRENT, FLOW, told
from headrace.observe.loglines import LEVELS, LONGEST, STDERR, STDOUT, Line, stamp, to_json, to_text
from headrace.observe.logprint import Printed
from headrace.observe.logsecrets import without_secrets

DEFAULT_FLOW = 'flow'
SUPERVISOR = 'supervisor'
"""The name of the process that starts the others and looks after them."""

_LINE_BUFFERED = 1
"""`_IOLBF` of C."""

_OWN = frozenset((*vars(logging.makeLogRecord({})), 'message', 'asctime', 'taskName', '_work'))
"""What every record has, so that the rest of it is what was logged with `extra=`."""


class Look(NamedTuple):
    """How lines look: as JSON or as text, and text with colours or without."""

    is_json: bool = False
    coloured: bool = False

    def __call__(self, line: Line) -> str:
        """A line as it is printed, without its line break."""
        return to_json(line).decode() if self.is_json else to_text(line, coloured=self.coloured)


PLAIN = Look()


def look(wanted: str, stream: TextIO | None, *, colours: bool | None = None) -> Look:
    """How lines look on a stream: `wanted` is 'json', 'text', or 'auto', which is text where a person reads.

    That is a terminal, or a notebook. `colours` is what the environment says of them; None is nothing.
    """
    is_terminal = stream is not None and stream.isatty()
    is_json = wanted == 'json' or (wanted == 'auto' and not (is_terminal or _is_notebook(stream)))
    return Look(is_json, not is_json and (is_terminal if colours is None else colours))


def _is_notebook(stream: TextIO | None) -> bool:
    return type(stream).__module__.startswith('ipykernel')


def line_of(record: logging.LogRecord, about: Mapping[str, Any]) -> Line:
    """What was logged as a line; `about` are fields that all lines of the process have."""
    message = record.getMessage()
    error = record.exc_text or ''
    if record.exc_info and not error:
        error = _FORMATTER.formatException(record.exc_info)
    if record.stack_info:
        error = f'{error}\n{record.stack_info}' if error else record.stack_info
    facts = without_secrets({key: value for key, value in vars(record).items() if key not in _OWN})
    work = record._work if isinstance(record, Record) else told(CURRENT.get())
    return Line(
        time=stamp(record.created),
        level=_level(record),
        logger=record.name,
        message=message if len(message) <= LONGEST else f'{message[:LONGEST]}...',
        error=error,
        facts=facts,
        **{**about, **work},
    )


def _level(record: logging.LogRecord) -> str:
    """The level of a record; one that somebody has made up is the known one below it."""
    if record.levelname in LEVELS:
        return record.levelname
    return next((name for name in reversed(LEVELS) if LEVELS[name] <= record.levelno), 'DEBUG')


_FORMATTER = logging.Formatter()


class Record(logging.LogRecord):
    """A record that knows the request it was made for, whichever thread handles it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._work = told(CURRENT.get())


class _Printer(logging.StreamHandler[TextIO]):
    """Prints what is logged in this process."""

    def __init__(self, flow: str, look: Look) -> None:
        super().__init__(sys.stderr)
        self._flow = flow
        self.look = look

    def format(self, record: logging.LogRecord) -> str:
        return self.look(line_of(record, supervising(FLOW.get() or self._flow)))


class _LastResort(_Printer):
    """Prints what nobody else does: the lines of a program that has not configured logging."""

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.getLogger().handlers:
            self.setStream(sys.stderr)
            super().emit(record)


def named(flow: str) -> str:
    """The name of a Flow if somebody gave it one, else ''."""
    return '' if flow == DEFAULT_FLOW else flow


def supervising(flow: str) -> dict[str, str]:
    """What the lines of a supervisor have: its name, and that of its Flow if somebody gave it one."""
    return {'flow': flow, 'process': SUPERVISOR} if named(flow) else {'process': SUPERVISOR}


def to_someone(look: Look = PLAIN) -> None:
    """See to it that warnings of ours are printed as `to_terminal` does, unless logging is configured."""
    ours = logging.getLogger('headrace')
    for handler in ours.handlers:
        if isinstance(handler, _LastResort):
            handler.look = look
            return
    handler = _LastResort('', look)
    handler.setLevel(logging.WARNING)
    ours.addHandler(handler)


def to_terminal(flow: str, level: str, look: Look = PLAIN) -> None:
    """Print what is logged from `level` on; `flow` is the name of what this process runs.

    Libraries that configured logging before us keep what they set up.
    """
    logging.basicConfig(level=level, handlers=[_Printer(flow, look)])


class Voice:
    """All that one process of a Flow says, as lines to its supervisor: it has taken over its output.

    What is logged, warned and printed has the process, executor and replica in it, and the request and trace
    that it belongs to. What is written past Python to file descriptors 1 and 2 has the process: its
    supervisor knows whose pipe that is. With a `look`, nobody stands between the process and who reads: the
    lines go to standard output as they shall look.
    """

    def __init__(
        self, process: str, *, flow: str = '', executor: str = '', replica: str = '', look: Look | None = None
    ) -> None:
        named = {'process': process, 'flow': flow, 'executor': executor, 'replica': replica}
        self.about = {key: value for key, value in named.items() if value}
        self._channel = Channel(2) if look is None else Channel(1, look.__call__)

    def write(self, line: Line) -> None:
        """Say this line."""
        self._channel.write(line)

    def printed(self, stream: str, text: str) -> None:
        """Say what was printed to `stream`."""
        fields = {**self.about, **told(CURRENT.get())}
        self._channel.write(Line(time=now(), level='INFO', logger=stream, message=text, **fields))


class _Speaker(logging.Handler):
    """Says what is logged."""

    def __init__(self, voice: Voice) -> None:
        super().__init__()
        self._voice = voice

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._voice.write(line_of(record, self._voice.about))
        except Exception:
            self.handleError(record)


def speak(voice: Voice, level: str) -> None:
    """From now on all that this process logs (from `level` on), warns and prints is said by `voice`."""
    faulthandler.enable(2)
    _by_lines()
    logging.setLogRecordFactory(Record)
    logging.basicConfig(level=level, handlers=[_Speaker(voice)])
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed
    sys.stdout = Printed(lambda text: voice.printed(STDOUT, text), 1, '<stdout>')
    sys.stderr = Printed(lambda text: voice.printed(STDERR, text), 2, '<stderr>')


def _by_lines() -> None:
    """Let C's `stdout` be written line by line, as to a terminal: in a pipe they wait for 4096 bytes.

    What waits is lost when the process is killed, and comes late in any case.
    """
    try:
        library = ctypes.CDLL(None)
        name = '__stdoutp' if sys.platform == 'darwin' else 'stdout'
        library.setvbuf(ctypes.c_void_p.in_dll(library, name), None, _LINE_BUFFERED, 0)
    except (OSError, ValueError, AttributeError):
        pass  # a C library that has it under another name


def set_level(level: str) -> None:
    """Log from this level on, from now on."""
    logging.getLogger().setLevel(level)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_type is SystemExit or failure.exc_value is None:
        return
    name = failure.thread.name if failure.thread else ''
    info = (failure.exc_type, failure.exc_value, failure.exc_traceback)
    logging.getLogger('headrace.thread').error('thread %s ended with an error', name, exc_info=info)
