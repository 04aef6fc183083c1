"""What travels through the Flow: a garment, in the catalogue or in a customer's photo."""

from __future__ import annotations

import numpy as np

from headrace import BaseDoc, DocList, NdArray


class Garment(BaseDoc, omit_defaults=True):
    """A garment of the catalogue, or (with nothing but a picture) one that a customer looks for.

    The picture is either in `blob` (the bytes of a JPEG, PNG, WebP...) or in the file `uri`, relative to the
    catalogue's folder. `fingerprint` changes whenever the picture's file does. `score` is how much a match looks
    like what was asked for: 1 is the same.
    """

    uri: str = ''
    blob: bytes = b''
    title: str = ''
    category: str = ''
    colour: str = ''
    price: float | None = None
    fingerprint: str = ''
    score: float = 0.0
    pixels: NdArray['side', 'side', 3, np.uint8] | None = None  # noqa: F821 - a dimension's name, not a type
    embedding: NdArray['size', np.float32] | None = None  # noqa: F821
    matches: DocList[Garment] | None = None
