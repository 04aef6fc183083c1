"""What a person types or has in files in, documents out."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from headrace.client.described import Taken
from headrace.client.dicts import document
from headrace.documents import BaseDoc, Document
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
    texts: Sequence[str], contents: Sequence[Path], files: Sequence[Path], ask: Callable[[], Taken] = Taken
) -> Iterator[BaseDoc] | None:
    """Documents with texts, with the contents of files, and from files of JSON; None if there are none.

    `ask` gives the class that they become. DocumentError for what it has no field for.
    """
    if not (texts or contents or files):
        return None
    return _documents(texts, contents, files, ask)


def _documents(
    texts: Sequence[str], contents: Sequence[Path], files: Sequence[Path], ask: Callable[[], Taken]
) -> Iterator[BaseDoc]:
    takes = ask()
    for text in texts:
        yield document({'text': text}, takes, '--text')
    for path in contents:
        yield _content(path, takes)
    for file in files:
        for item, where in _from_file(file):
            if not isinstance(item, dict):
                raise DocumentError(f'{where}: a document is an object with fields, not {item!r}'[:200])
            yield document(item, takes, where)


def _content(path: Path, takes: Taken) -> BaseDoc:
    """A file as the blob of a document, with its name and kind where there are fields for them."""
    known = (takes.doc_type or Document).__struct_fields__
    about = {'uri': str(path), 'mime_type': mimetypes.guess_type(path.name)[0] or ''}
    fields = {name: value for name, value in about.items() if name in known}
    return document({'blob': path.read_bytes(), **fields}, takes, f'--file {path}')


def _from_file(file: Path) -> Iterator[tuple[Any, str]]:
    """Every item of a file, and where it stands."""
    with click.open_file(str(file), 'rb') as stream:
        first = stream.readline()
        if first.lstrip()[:1] == b'[':
            for index, item in enumerate(_decoded(first + stream.read(), f'{file}')):
                yield item, f'{file}[{index}]'
            return
        number = 1
        while first:
            if first.strip():
                yield _decoded(first, f'{file}:{number}'), f'{file}:{number}'
            first, number = stream.readline(), number + 1


def _decoded(data: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise DocumentError(
            f'{where} is no JSON: {error}', help='a list of objects, or one object per line'
        ) from None
