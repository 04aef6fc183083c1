"""One line of a log as a record; the same as JSON, and as text for people."""

from __future__ import annotations

import calendar
import re
import time
from typing import Any

import msgspec

LEVELS = {'DEBUG': 10, 'INFO': 20, 'WARNING': 30, 'ERROR': 40, 'CRITICAL': 50}
"""The levels of lines, from the least to the most important."""

LONGEST = 64 * 1024
"""Characters of a message; what is longer is cut."""

OUTPUT, STDOUT, STDERR = 'output', 'stdout', 'stderr'
"""The loggers of lines that nobody logged: written past Python, to `sys.stdout`, to `sys.stderr`."""

ACCESS, SLOW = 'headrace.access', 'headrace.slow'
"""The loggers of lines about requests; their messages say their facts."""

_COLOURS = {'DEBUG': '2', 'INFO': '32', 'WARNING': '33', 'ERROR': '31', 'CRITICAL': '1;31'}
_DIM, _NAME = '2', '36'
_CONTROL = re.compile(r'[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]')
_SHOWN = re.compile(r'(\x1b\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]')


class Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line of a log; what is not known is left out of its JSON.

    `time` is UTC, as ISO 8601 with microseconds, so that lines sort by it. `process` is the name of the one
    that wrote it: 'gateway', 'encoder/rep-0'; `flow` that of its Flow, if somebody gave it one. `request_id`
    and `trace_id` say for which request; a batch has several: `requests` counts them, `request_ids` has the
    first few. `error` is a traceback, `facts` what was logged with `extra=`.
    """

    time: str
    level: str
    flow: str = ''
    process: str = ''
    logger: str = ''
    message: str = ''
    executor: str = ''
    replica: str = ''
    endpoint: str = ''
    request_id: str = ''
    trace_id: str = ''
    span_id: str = ''
    requests: int = 0
    request_ids: tuple[str, ...] = ()
    error: str = ''
    facts: dict[str, Any] = {}


def stamp(seconds: float) -> str:
    """A time as lines have it.

    >>> stamp(0.5)
    '1970-01-01T00:00:00.500000Z'
    """
    whole, part = divmod(int(seconds * 1_000_000 + 0.5), 1_000_000)
    return f'{time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))}.{part:06}Z'


def to_json(line: Line) -> bytes:
    """A line as one JSON object without a line break; facts that JSON has no form for are their `str`."""
    try:
        return _ENCODER.encode(line)
    except Exception:  # halves of surrogates, objects without a text, lists that hold themselves
        facts = {_sent(str(key)): _sent(_text(value)) for key, value in line.facts.items()}
        texts = {
            name: _sent(text) for name, text in msgspec.structs.asdict(line).items() if type(text) is str
        }
        return _ENCODER.encode(msgspec.structs.replace(line, **texts, facts=facts))


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:
        return f'<no text: {type(error).__name__}>'


def _sent(text: str) -> str:
    return text.encode('utf-8', 'backslashreplace').decode()


def from_json(data: bytes | bytearray | memoryview | str) -> Line:
    """The line again; msgspec.MsgspecError for what is none."""
    return _DECODER.decode(data)


def to_text(line: Line, *, coloured: bool = False) -> str:
    """A line for people: time of day, level, process, message, and what belongs to it.

    A message of several lines is indented, so that nothing in it looks like a line of its own; control
    characters are shown, not sent (colours of captured output stay where there are colours).
    """
    name = '/'.join(filter(None, (line.flow, line.process or line.executor)))
    paint = _painted if coloured else _plain
    clean = _clean if not coloured else _clean_but_colours
    message, *more = clean(line.message).split('\n')
    head = f'{paint(clock(line.time), _DIM)} {paint(f"{line.level:<8}", _COLOURS.get(line.level, "0"))}'
    text = f'{head} {paint(_short(name), _NAME)}  {message}'
    tail = _clean(_short(' '.join(f'{key}={value}' for key, value in _belongings(line))))
    if tail:
        text += f'  {paint(tail, _DIM)}'
    if line.error:
        more += clean(line.error.rstrip('\n')).split('\n')
    return '\n    '.join((text, *more))


def clock(at: str) -> str:
    """The time of day, here, of a line's time; what is no time stays as it is."""
    try:
        seconds = calendar.timegm(time.strptime(at[:19], '%Y-%m-%dT%H:%M:%S'))
    except ValueError:
        return _short(at)
    return f'{time.strftime("%H:%M:%S", time.localtime(seconds))}.{at[20:23]}'


def _belongings(line: Line) -> list[tuple[str, Any]]:
    """What stands behind a message."""
    facts = {} if line.logger in (ACCESS, SLOW) else line.facts
    found: list[tuple[str, Any]] = [(key, _short(value)) for key, value in facts.items()]
    if line.requests > 1:
        found.append(('requests', line.requests))
    if line.request_id:
        found.append(('request_id', line.request_id))
    if line.trace_id:
        found.append(('trace_id', line.trace_id))
    return found


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else _text(value)
    return text.replace('\n', '\\n')


def _clean(text: str) -> str:
    return _CONTROL.sub(_named, text)


def _clean_but_colours(text: str) -> str:
    cleaned = _SHOWN.sub(lambda found: found[1] or _named(found), text)
    return f'{cleaned}\x1b[0m' if '\x1b' in cleaned else cleaned


def _named(found: re.Match[str]) -> str:
    return found[0].encode('unicode_escape').decode('ascii')


def _plain(text: str, colour: str) -> str:
    return _clean(text)


def _painted(text: str, colour: str) -> str:
    return f'\x1b[{colour}m{_clean(text)}\x1b[0m'


_ENCODER = msgspec.json.Encoder(enc_hook=str)
_DECODER = msgspec.json.Decoder(Line)
