"""Encoded text in, str out; words to numbers and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.documents.media import uri
from headrace.errors import DocumentError

PAD, UNKNOWN = 0, 1
"""The two numbers that a vocabulary leaves free: for filling up, and for words that it does not have."""

_WORD = re.compile(r'\w+')


def decode(source: uri.Source, *, charset: str = 'utf-8', errors: str = 'strict', **reading: Any) -> str:
    """Turn a file, URI or bytes into text; a byte order mark is left out.

    Raises DocumentError where the bytes are not `charset`; `errors='replace'` reads them anyway.
    """
    data = uri.read(source, **reading)
    codec = 'utf-8-sig' if charset.lower().replace('_', '-') in ('utf-8', 'utf8') else charset
    try:
        return data.decode(codec, errors)
    except LookupError as error:
        raise DocumentError(f'{charset!r} is not a known charset', help="try charset='utf-8'") from error
    except UnicodeDecodeError as error:
        raise DocumentError(
            f'byte {error.start} of {len(data)} is not {charset}: {error.reason}',
            help="give another charset, or errors='replace'",
        ) from error


def words(text: str) -> list[str]:
    """Split text into its words, in lower case.

    >>> words("Grüße, World!")
    ['grüße', 'world']
    """
    return _WORD.findall(text.lower())


def vocabulary(texts: Iterable[str], *, min_count: int = 1) -> dict[str, int]:
    """Number the words of some texts from 2, the most frequent first; 0 is padding, 1 an unknown word."""
    counts = Counter(word for text in texts for word in words(text))
    frequent = [word for word, count in counts.most_common() if count >= min_count]
    return {word: number for number, word in enumerate(frequent, start=2)}


def to_tensor(
    text: str, vocab: Mapping[str, int], *, max_length: int | None = None, dtype: str = 'int64'
) -> NDArray[Any]:
    """Turn text into the numbers of its words, filled up with 0 or cut to `max_length`."""
    numbers = [vocab.get(word, UNKNOWN) for word in words(text)][:max_length]
    numbers += [PAD] * ((max_length or 0) - len(numbers))
    return np.array(numbers, dtype=dtype)


def from_tensor(tensor: NDArray[Any], vocab: Mapping[str, int], *, delimiter: str = ' ') -> str:
    """Turn the numbers that `to_tensor` made into words again; unknown ones read '<unknown>'."""
    names = {number: word for word, number in vocab.items()}
    return delimiter.join(names.get(int(n), '<unknown>') for n in tensor if int(n) != PAD)
