"""Documents to JSON and to plain dicts, and back, with errors that say where."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal, TypeVar, cast

import msgspec

from headrace.documents.codec import hooks
from headrace.errors import CodecError, DocumentError

T = TypeVar('T')
Arrays = Literal['list', 'base64']

_encoders = {
    'list': msgspec.json.Encoder(enc_hook=hooks.to_json_lists),
    'base64': msgspec.json.Encoder(enc_hook=hooks.to_json_base64),
}
_hooks = {'list': hooks.to_json_lists, 'base64': hooks.to_json_base64}
_PATH = re.compile(r' - at `(\$[^`]*)`')
_UNKNOWN_ARRAYS = "'arrays' is 'list' or 'base64'"


@lru_cache(maxsize=1024)
def decoder(wanted: Any) -> msgspec.json.Decoder[Any]:
    """The JSON decoder of a type; making one costs more than using it."""
    try:
        return msgspec.json.Decoder(wanted, dec_hook=hooks.convert)
    except (TypeError, NameError) as error:
        raise unusable(error) from error


def unusable(error: Exception) -> DocumentError:
    """What is wrong with an annotation that nothing can be decoded into."""
    return DocumentError(
        f'a field has a type that cannot be decoded: {error}',
        help='an array, document or class of your own may be in a union only with None',
    )


def to_json(value: Any, *, arrays: Arrays = 'list') -> bytes:
    """A document or a list of documents as JSON."""
    encoder = _encoders.get(arrays)
    if encoder is None:
        raise DocumentError(f'unknown way to write arrays: {arrays!r}', help=_UNKNOWN_ARRAYS)
    try:
        return encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DocumentError(f'the documents cannot be written as JSON: {error}') from error


def doc_to_plain(value: Any, *, arrays: Arrays = 'list') -> Any:
    """A document or a list of documents as strings, numbers, lists and dicts."""
    hook = _hooks.get(arrays)
    if hook is None:
        raise DocumentError(f'unknown way to write arrays: {arrays!r}', help=_UNKNOWN_ARRAYS)
    try:
        return msgspec.to_builtins(value, enc_hook=hook)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DocumentError(f'the documents cannot be written as plain data: {error}') from error


def doc_from_json(data: bytes | bytearray | memoryview | str, wanted: type[T]) -> T:
    """JSON as a value of the type, checked; DocumentError says what was expected, got, and where."""
    try:
        return cast(T, decoder(cast(Any, wanted)).decode(data))
    except msgspec.ValidationError as error:
        raise DocumentError(located(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise CodecError(f'this is not JSON: {error}') from error


def doc_from_plain(data: Any, wanted: type[T]) -> T:
    """Dicts and lists as a value of the type, checked."""
    try:
        return msgspec.convert(data, wanted, dec_hook=hooks.convert)
    except (msgspec.ValidationError, RecursionError) as error:
        raise DocumentError(located(str(error))) from error
    except (TypeError, NameError) as error:
        raise unusable(error) from error


def located(message: str) -> str:
    """A message with the paths that nested decoders appended joined into one.

    >>> located('Expected `str` - at `$[0].text` - at `$.chunks`')
    'Expected `str` - at `$.chunks[0].text`'
    """
    paths = _PATH.findall(message)
    if len(paths) < 2:
        return message
    return _PATH.sub('', message) + f' - at `${"".join(path[1:] for path in reversed(paths))}`'
