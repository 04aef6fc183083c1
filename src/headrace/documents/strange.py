"""JSON documents and the class that they were read as in; out, what to say of keys that no field has.

Documents are read by the names of fields, and other keys are dropped: so an older server understands a newer
client. But a key that looks like a field which the document lacks is a mistake, and it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from headrace.documents.base import BaseDoc
from headrace.documents.fields import Field, Kind, fields_of
from headrace.documents.suggest import did_you_mean, slip_of
from headrace.errors import DocumentError

LOOK = 64 * 1024
"""Bytes at the beginning of JSON that are looked at."""
LARGEST = 1024 * 1024
"""Bytes of JSON that are read once more to say what its sender may have meant."""
MOST = 64
"""Keys of one request that are compared with the names of fields; whoever sends more has not misspelt one."""
LONGEST = 100
"""Characters of a key that are told, and compared."""

Json = bytes | bytearray | memoryview | str

_UNKNOWN = 'Object contains unknown field'
_MISSING = re.compile(r'Object missing required field `([^`]*)`(?: - at `\$([^`]*)`)?$')
_STEP = re.compile(r'\[(\d+)\]|\.([^.\[]+)')
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Strange(NamedTuple):
    """A key that no field has: where its document is, and what to say of it."""

    path: str
    key: str
    help: str

    def error(self) -> DocumentError:
        """What its sender is told, in the words of a class that takes no other keys."""
        return DocumentError(f'{_UNKNOWN} `{self.key[:LONGEST]}` - at `{self.path}`', help=self.help)


def check_first(data: bytes, doc_type: type[BaseDoc]) -> None:
    """Raise DocumentError if the first document of a JSON list has a misspelt key.

    `data` has been read as a list of the class already. Of keys beyond its first 64 KiB nothing is said.
    """
    try:
        _first(doc_type).decode(data if len(data) <= LOOK else data[:LOOK])
    except msgspec.ValidationError as error:  # of two documents, there is one too many
        if not str(error).startswith(_UNKNOWN):
            return
    except _UNREADABLE:
        return  # it was cut off
    else:
        return
    first = msgspec.json.decode(data, type=list[Raw])[0]
    if len(first) > LARGEST:
        return
    try:
        plain = msgspec.json.decode(first)
    except _UNREADABLE:
        return  # keys that no field has are passed over unread, and may be no text
    check_plain([plain], doc_type)


def check_all(data: bytes, doc_type: type[BaseDoc]) -> None:
    """Raise DocumentError if any document of a JSON list has a key that no field has."""
    try:
        _all(doc_type).decode(data)
    except msgspec.ValidationError as error:
        message = str(error)
        if message.startswith(_UNKNOWN):
            begin, _, path = message.rpartition(' - at `$')
            found = Strange(f'${path[:-1]}', begin[len(_UNKNOWN) + 2 : -1], '')
            help = did_you_mean(found.key[:LONGEST], _at(doc_type, path[:-1]))
            raise found._replace(help=help).error() from None
    except _UNREADABLE:
        pass


def check_plain(
    docs: Sequence[Any], doc_type: type[BaseDoc], *, only_misspelt: bool = True, path: str = '$'
) -> None:
    """Raise DocumentError if a document as plain data has a key that no field has, or one inside it has.

    With `only_misspelt`, the first document is looked at, and only for keys that look like another.
    """
    search = _Search(only_misspelt)
    for index, doc in enumerate(docs[:1] if only_misspelt else docs):
        found = search.find(doc, doc_type, f'{path}[{index}]')
        if found is not None:
            raise found.error()


def check_names(names: Iterable[str], doc_type: type[BaseDoc], *, only_misspelt: bool = True) -> None:
    """Raise DocumentError if one of the names of columns is that of no field."""
    found = _Search(only_misspelt).find(dict.fromkeys(names), doc_type, '$')
    if found is not None:
        raise found.error()


def explained(error: DocumentError, data: Json | Sequence[Any], doc_type: type[BaseDoc]) -> DocumentError:
    """The same error about a list of documents; if they lack a field, with the key that may stand for it.

    `data` is the list as JSON, or as plain data.
    """
    found = _MISSING.match(error.message)
    if found is None or error.help or (isinstance(data, Json) and len(data) > LARGEST):
        return error
    field, path = found.groups()
    try:
        doc: Any = msgspec.json.decode(data) if isinstance(data, Json) else data
        for index, key in _STEP.findall(path or ''):
            doc = doc[key] if key else doc[int(index)]
        known = _at(doc_type, path or '')
        strange = list(islice((key for key in doc if key not in known), MOST))
    except (*_UNREADABLE, LookupError, TypeError, ValueError):
        return error
    near = slip_of(field, strange) or next(iter(get_close_matches(field, strange, n=1)), None)
    if near is None:
        return error
    return type(error)(error.message, help=f'did you mean {field!r} where it says {near!r}?')


class _Search:
    """Looks for the first key of documents, or of those inside them, that no field has.

    With `only_misspelt` it looks for one that is nearly a field, and gives up after `MOST` that are not.
    """

    def __init__(self, only_misspelt: bool) -> None:
        self._only_misspelt = only_misspelt
        self._left = MOST

    def find(self, doc: Any, doc_type: type[BaseDoc], path: str) -> Strange | None:
        """The first such key of a document as plain data."""
        if not isinstance(doc, Mapping):
            return None
        fields = _named(doc_type)
        for key, value in doc.items():
            if not self._left:
                break
            field = fields.get(key)
            if field is None:
                help = self._help(str(key), fields, doc)
                found = Strange(path, str(key), help) if help else None
            else:
                found = self._inside(value, field, f'{path}.{key}')
            if found is not None:
                return found
        return None

    def _inside(self, value: Any, field: Field, path: str) -> Strange | None:
        """The first such key of the documents that a field holds."""
        if field.kind is Kind.DOC:
            return self.find(value, field.type, path)
        if field.kind is Kind.LIST and isinstance(value, list):
            kind = field.type.doc_type
            parts = (self.find(part, kind, f'{path}[{index}]') for index, part in enumerate(value))
            return next((each for each in parts if each is not None), None)
        return None

    def _help(self, key: str, fields: Mapping[str, Field], doc: Mapping[str, Any]) -> str:
        """What to say of a key that no field has; '' for one that need not be a mistake."""
        if not self._only_misspelt:
            return did_you_mean(key[:LONGEST], fields)
        self._left -= 1
        meant = slip_of(key, (name for name in fields if name not in doc))
        return f'did you mean {meant!r}?' if meant else ''


def _at(doc_type: type[BaseDoc], path: str) -> Mapping[str, Field]:
    """The fields of the class of the documents at a path of a list."""
    for _, key in _STEP.findall(path):
        if key:
            field = _named(doc_type)[key]
            doc_type = field.type.doc_type if field.kind is Kind.LIST else field.type
    return _named(doc_type)


@lru_cache(maxsize=1024)
def _named(doc_type: type[BaseDoc]) -> dict[str, Field]:
    """The fields by the keys that they have in JSON."""
    return {info.encode_name: fields_of(doc_type)[info.name] for info in msgspec.structs.fields(doc_type)}


@lru_cache(maxsize=1024)
def _first(doc_type: type[BaseDoc]) -> msgspec.json.Decoder[Any]:
    """What reads the first document of a list, keys alone, and nothing behind it."""
    return msgspec.json.Decoder(tuple[_keys_of(doc_type, {})])  # type: ignore[misc]


@lru_cache(maxsize=1024)
def _all(doc_type: type[BaseDoc]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[_keys_of(doc_type, {})])  # type: ignore[misc]


def _keys_of(doc_type: type[BaseDoc], made: dict[type[BaseDoc], type[Struct]]) -> type[Struct]:
    """A class with the keys of documents that takes no others; their values stay what they are."""
    known = made.get(doc_type)
    if known is not None:
        return known
    fields, config = _named(doc_type), doc_type.__struct_config__
    slots = {f'_{index}': key for index, key in enumerate(fields)}
    if config.tag_field is not None:
        slots['_tag'] = config.tag_field
    keys = made[doc_type] = msgspec.defstruct(
        'Keys',
        [(slot, Any, msgspec.field(default=None, name=key)) for slot, key in slots.items()],
        forbid_unknown_fields=True,
        gc=False,
    )
    keys.__annotations__ = {  # afterwards, as documents may hold documents of their own class
        slot: _shape(fields[key], made) if key in fields else Raw for slot, key in slots.items()
    }
    return keys


def _shape(field: Field, made: dict[type[BaseDoc], type[Struct]]) -> Any:
    if field.kind is Kind.DOC:
        return _keys_of(field.type, made) | None
    if field.kind is Kind.LIST:
        return list[_keys_of(field.type.doc_type, made)] | None  # type: ignore[misc]
    return Raw
