"""What a person types or has in files in, documents out."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from headrace.documents import BaseDoc, DocSchema, Document, FieldSchema, TypeSchema, class_from
from headrace.errors import DocumentError

Decorated = TypeVar('Decorated', bound=Callable[..., Any])


def input_options(function: Decorated) -> Decorated:
    """The options `texts`, `contents` and `files`, which say what to send."""
    readable = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)
    options = [
        click.option('--text', 'texts', multiple=True, help='A document with this text; may be repeated.'),
        click.option(
            '--file',
            'contents',
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            multiple=True,
            help='A document with the content of this file as its blob; may be repeated.',
        ),
        click.option(
            '--docs',
            'files',
            type=readable,
            multiple=True,
            help='Documents from a JSON list, or from lines with one JSON object each; - is standard input.',
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def documents(
    texts: Sequence[str], contents: Sequence[Path], files: Sequence[Path]
) -> Iterator[BaseDoc] | None:
    """Documents with texts, with the contents of files, and from files of JSON; None if there are none."""
    if not (texts or contents or files):
        return None
    return _documents(texts, contents, files)


def _documents(texts: Sequence[str], contents: Sequence[Path], files: Sequence[Path]) -> Iterator[BaseDoc]:
    for text in texts:
        yield Document(text=text)
    for path in contents:
        kind = mimetypes.guess_type(path.name)[0] or ''
        yield Document(uri=str(path), blob=path.read_bytes(), mime_type=kind)
    for file in files:
        yield from _from_file(file)


def _from_file(file: Path) -> Iterator[BaseDoc]:
    with click.open_file(str(file), 'rb') as stream:
        first = stream.readline()
        if first.lstrip()[:1] == b'[':
            for index, item in enumerate(_decoded(first + stream.read(), f'{file}')):
                yield _document(item, f'{file}[{index}]')
            return
        number = 1
        while first:
            if first.strip():
                yield _document(_decoded(first, f'{file}:{number}'), f'{file}:{number}')
            first, number = stream.readline(), number + 1


def _decoded(data: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise DocumentError(
            f'{where} is no JSON: {error}', help='a list of objects, or one object per line'
        ) from None


def _document(item: Any, where: str) -> BaseDoc:
    """A Document if its fields suffice, else a document with just these fields, of any type."""
    if not isinstance(item, dict):
        raise DocumentError(f'{where}: a document is an object with fields, not {item!r}'[:200])
    if set(item) <= set(Document.__struct_fields__):
        return Document.from_dict(item)
    fields = tuple(
        FieldSchema(name, TypeSchema('any'), required=True) for name in sorted(item) if name != 'id'
    )
    return class_from(DocSchema('Item', fields)).from_dict(item)
