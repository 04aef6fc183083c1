"""Errors of lists say which document is wrong."""

from typing import Any

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, NdArray
from headrace.errors import DocumentError


class Part(BaseDoc):
    vector: NdArray[3] | None = None


class Item(BaseDoc):
    vector: NdArray[3] | None = None
    blob: bytes = b''
    tags: dict[str, Any] = {}
    part: Part | None = None
    parts: DocList[Part] = DocList[Part]()


@pytest.mark.parametrize('count', [0, 2])
@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (lambda: Item(np.ones(2)), r"got shape \(2,\) - at field 'vector' of docs\[{}\]$"),
        (lambda: Item(blob=5), r"Expected `bytes`, got `int` - at field 'blob' of docs\[{}\]$"),
        (lambda: Item(tags={'a': object()}), r"cannot be sent - at field 'tags' of docs\[{}\]$"),
        (lambda: Item(part=5), r"Expected `Part`, got `int` - at field 'part' of docs\[{}\]$"),
        (lambda: Item(part=Part(np.ones(2), id='p')), "at field 'vector' of document p$"),
        (lambda: Item(parts=[Part(), Part(np.ones(2), id='q')]), "at field 'vector' of document q$"),
    ],
)
def test_the_document_is_named(wrong, message, count):
    docs = DocList[Item]([*(Item(np.ones(3), b'x', {'a': 1}, Part()) for _ in range(count)), wrong()])
    with pytest.raises(DocumentError, match=message.format(count)):
        docs.to_bytes()


def test_the_value_of_a_column_is_named():
    docs = DocList[Item]([Item(), Item(), Item()])
    with pytest.raises(DocumentError, match=r"at field 'vector' of docs\[1\]$"):
        docs.vector = [np.ones(3), np.ones(2), None]
