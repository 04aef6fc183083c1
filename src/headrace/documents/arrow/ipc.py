"""Documents to the bytes of an Arrow IPC stream or file, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from headrace.documents.arrow.read import from_table
from headrace.documents.arrow.write import to_table
from headrace.errors import CodecError, DocumentError
from headrace.extras import load

if TYPE_CHECKING:
    from headrace.documents.doclist import DocList

_FILE_MAGIC = b'ARROW1'


def to_bytes(docs: DocList[Any], *, format: Literal['stream', 'file'] = 'stream') -> bytes:
    """Turn documents into an Arrow IPC stream, or an IPC file (Feather V2) for random access."""
    load('pyarrow', extra='arrow')
    ipc = load('pyarrow.ipc', extra='arrow')
    pa = load('pyarrow', extra='arrow')
    table = to_table(docs)
    sink = pa.BufferOutputStream()
    writers = {'stream': ipc.new_stream, 'file': ipc.new_file}
    if format not in writers:
        raise DocumentError(f'Arrow IPC has no format {format!r}', help="it is 'stream' or 'file'")
    with writers[format](sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def from_bytes(data: bytes | bytearray | memoryview, list_type: type[DocList[Any]]) -> DocList[Any]:
    """Turn an Arrow IPC stream or file into documents; CodecError for damaged bytes."""
    return from_table(read_ipc(data), list_type)


def read_ipc(data: bytes | bytearray | memoryview) -> Any:
    """Turn an Arrow IPC stream or file into a table whose every offset has been checked."""
    pa, ipc = load('pyarrow', extra='arrow'), load('pyarrow.ipc', extra='arrow')
    is_file = bytes(data[: len(_FILE_MAGIC)]) == _FILE_MAGIC
    try:
        with (ipc.open_file if is_file else ipc.open_stream)(pa.py_buffer(data)) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError) as error:
        raise CodecError(f'these bytes are no Arrow table: {error}') from error
    return table
