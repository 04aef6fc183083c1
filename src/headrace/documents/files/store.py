"""Documents to a file, and a file to documents."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from headrace.documents import arrow
from headrace.documents.arrow.ipc import to_bytes as to_arrow
from headrace.documents.codec import text
from headrace.documents.codec.pack import pack
from headrace.documents.files import sheet
from headrace.documents.files.atomic import Buffer, write_whole
from headrace.documents.files.finite import check_finite
from headrace.documents.suggest import did_you_mean
from headrace.errors import CodecError, DocumentError, HeadraceError
from headrace.extras import load as load_extra

if TYPE_CHECKING:
    from headrace.documents.base import BaseDoc
    from headrace.documents.doclist import DocList

T = TypeVar('T', bound='BaseDoc')


class Format(NamedTuple):
    """How documents lie in a file: the endings of its name, and the two ways."""

    endings: tuple[str, ...]
    write: Callable[[DocList[Any]], Iterable[Buffer]]
    read: Callable[[Buffer, type[DocList[Any]]], DocList[Any]]


def save(docs: DocList[Any], path: str | os.PathLike[str], *, format: str = '') -> None:
    """Write the documents to one file, whole or not at all, and return when it is on the disk.

    The ending of the name says how: `.docs` (our own columns: fastest, nothing is lost), `.arrow`, `.arrows`,
    `.parquet`, `.json`, `.jsonl`, `.csv`; `format` says it for other names ('docs', 'arrow', ...).

    JSON and CSV have no infinite numbers and no NaN: such a number outside of an array is a DocumentError
    there. FileNotFoundError if the folder is not there.
    """
    chosen = FORMATS[_format(path, format)]
    write_whole(path, chosen.write(docs))


def load(
    path: str | os.PathLike[str], list_type: type[DocList[T]], *, format: str = '', memory_map: bool = False
) -> DocList[T]:
    """Read the documents of a file that `save` wrote, or of any JSON, CSV, Arrow or Parquet file.

    With `memory_map` the arrays of a `.docs` file are read from the disk when they are touched; changing them
    does not change the file. Raises CodecError for a damaged file, DocumentError (with the file's name) for
    one whose documents do not fit.
    """
    chosen = FORMATS[_format(path, format)]
    try:
        with open(path, 'rb') as file:
            if memory_map and os.fstat(file.fileno()).st_size:
                return chosen.read(
                    memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)), list_type
                )
            data = bytearray(os.fstat(file.fileno()).st_size)
            size = file.readinto(data)
            return chosen.read(memoryview(data)[:size], list_type)
    except HeadraceError as error:
        error.message = f'{os.fspath(path)}: {error.message}'
        raise


def _format(path: str | os.PathLike[str], format: str) -> str:
    if format:
        if format not in FORMATS:
            raise DocumentError(f'unknown format {format!r}', help=did_you_mean(format, FORMATS))
        return format
    ending = PurePath(path).suffix.lower()
    for name, known in FORMATS.items():
        if ending in known.endings:
            return name
    endings = [ending for known in FORMATS.values() for ending in known.endings]
    what = f'the ending {ending!r}' if ending else 'no ending'
    raise DocumentError(
        f'{os.fspath(path)} has {what}, which says no format',
        help=f"{did_you_mean(ending, endings)}, or give format='docs'",
    )


def _read_columns(data: Buffer, list_type: type[DocList[Any]]) -> DocList[Any]:
    return list_type.from_bytes(data)


def _write_json(docs: DocList[Any]) -> Iterable[Buffer]:
    check_finite(docs)
    return [docs.to_json(arrays='base64')]


def _read_json(data: Buffer, list_type: type[DocList[Any]]) -> DocList[Any]:
    return list_type.from_json(bytes(data))


def _write_lines(docs: DocList[Any]) -> Iterable[Buffer]:
    check_finite(docs)
    return (text.to_json(doc, arrays='base64') + b'\n' for doc in docs.rows)


def _read_lines(data: Buffer, list_type: type[DocList[Any]]) -> DocList[Any]:
    try:
        return list_type.from_rows(text.decoder(list_type.doc_type).decode_lines(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        _read_one_by_one(bytes(data), list_type)
        raise CodecError(f'these are no lines of JSON: {error}') from error


def _read_one_by_one(data: bytes, list_type: type[DocList[Any]]) -> None:
    """Raise what is wrong with the first line that is, with its number."""
    for number, line in enumerate(data.split(b'\n'), 1):
        try:
            if line.strip():
                text.doc_from_json(line, list_type.doc_type)
        except DocumentError as error:
            error.message = f'line {number}: {error.message}'
            raise


def _write_parquet(docs: DocList[Any]) -> Iterable[Buffer]:
    pa = load_extra('pyarrow', extra='arrow')
    sink = pa.BufferOutputStream()
    load_extra('pyarrow.parquet', extra='arrow').write_table(arrow.to_table(docs), sink)
    return [memoryview(sink.getvalue())]


def _read_parquet(data: Buffer, list_type: type[DocList[Any]]) -> DocList[Any]:
    pa = load_extra('pyarrow', extra='arrow')
    parquet = load_extra('pyarrow.parquet', extra='arrow')
    try:
        table = parquet.read_table(pa.BufferReader(pa.py_buffer(data)))
    except (pa.ArrowException, OSError) as error:
        raise CodecError(f'this is no Parquet file: {error}') from error
    return arrow.from_table(table, list_type)


FORMATS = {
    'docs': Format(('.docs', '.bin'), lambda docs: pack(docs.table()), _read_columns),
    'arrow': Format(('.arrow', '.feather'), lambda docs: [to_arrow(docs, format='file')], arrow.from_bytes),
    'arrows': Format(('.arrows',), lambda docs: [to_arrow(docs, format='stream')], arrow.from_bytes),
    'parquet': Format(('.parquet',), _write_parquet, _read_parquet),
    'json': Format(('.json',), _write_json, _read_json),
    'jsonl': Format(('.jsonl', '.ndjson'), _write_lines, _read_lines),
    'csv': Format(('.csv', '.tsv'), lambda docs: [sheet.write(docs)], sheet.read),
}
