"""What travels through the Flow: a garment, in the catalogue or in a customer's photo."""

from __future__ import annotations

import numpy as np

from headrace import BaseDoc, DocList, NdArray


class Garment(BaseDoc, omit_defaults=True):
    """A garment of the catalogue, or (with nothing but a picture) one that a customer looks for.

    The picture is either in `blob` (the bytes of a JPEG, PNG, WebP...) or in the file `uri`, relative to the
    catalogue's folder. `fingerprint` changes whenever the file or the particulars do. `score` says how much a
    match looks like what was asked for: 1 is the same.
    """

    uri: str = ''
    blob: bytes = b''
    title: str = ''
    category: str = ''
    colour: str = ''
    price: float | None = None
    fingerprint: str = ''
    score: float = 0.0
    pixels: NdArray[112, 112, 3, np.uint8] | None = None
    embedding: NdArray[128, np.float32] | None = None
    matches: DocList[Garment] | None = None
