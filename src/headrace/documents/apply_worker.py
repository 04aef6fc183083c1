"""The child process of `DocList.apply`: documents on its standard input to documents on its output.

What is pickled is the function and the document class, written by the parent into its own child's input; the
documents travel as columns.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from headrace.documents import byvalue
from headrace.documents.build import table_of
from headrace.documents.codec.pack import pack
from headrace.documents.codec.unpack import DEFAULT_LIMITS, read_header, unpack
from headrace.documents.table import make_rows

_LENGTH = struct.Struct('<Q')


def applied(function: Callable[[Any], Any], doc: Any) -> Any:
    """What the function returns for the document, or the document if it returns None."""
    result = function(doc)
    return doc if result is None else result


def write(stream: Any, message: bytes) -> None:
    """One message with its length in front."""
    stream.write(_LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def read(stream: Any) -> bytes | None:
    """The next message, None when there is no more."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    message: bytes = stream.read(size)
    return message if len(message) == size else None


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer each batch with `ok` and the changed batch, or `error` and the exception, until the end."""
    paths, job = read(source), read(source)
    if paths is None or job is None:
        return
    sys.path.extend(path for path in paths.decode().split(os.pathsep) if path not in sys.path)
    function, doc_type = pickle.loads(job)
    while (batch := read(source)) is not None:
        status, answer = _answer(function, doc_type, bytearray(batch))
        write(sink, status)
        write(sink, answer)


def _answer(function: Callable[[Any], Any], doc_type: type[Any], batch: bytearray) -> tuple[bytes, bytes]:
    try:
        header, body = read_header(batch)
        docs = make_rows(unpack(header, body, doc_type, DEFAULT_LIMITS))
        return b'ok', b''.join(pack(table_of(doc_type, [applied(function, doc) for doc in docs])))
    except Exception as error:
        error.add_note(f'in a worker process of apply():\n{traceback.format_exc()}')
        try:
            return b'error', byvalue.dumps(error)
        except Exception:  # an exception that holds what cannot be pickled
            return b'error', byvalue.dumps(RuntimeError(f'{type(error).__name__}: {error}'))


def main() -> None:
    """Serve standard input; what user code prints goes to standard error, not between the messages."""
    sink = os.fdopen(os.dup(1), 'wb')
    os.dup2(2, 1)
    serve(sys.stdin.buffer, sink)


if __name__ == '__main__':
    main()
