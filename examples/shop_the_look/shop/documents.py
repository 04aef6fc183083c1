"""What travels through the Flow: garments, and pictures of them."""

from __future__ import annotations

import numpy as np

from headrace import BaseDoc, DocList, NdArray


class Garment(BaseDoc, omit_defaults=True):
    """What a shop knows of a garment.

    `uri` is its picture's file, relative to the catalogue's folder; `fingerprint` changes whenever that file
    or the particulars do. In a match, `score` says how much it looks like what was asked for: 1 is the same.
    """

    uri: str = ''
    title: str = ''
    category: str = ''
    colour: str = ''
    price: float | None = None
    fingerprint: str = ''
    score: float = 0.0


class Look(Garment, omit_defaults=True):
    """A picture of a garment: one to be indexed, or a customer's photo, of which nothing else is known.

    It comes in as a file of the catalogue (`uri`) or as the bytes of a JPEG, PNG, WebP... (`blob`), becomes
    `pixels`, then an `embedding`, and in the end has `matches`.
    """

    blob: bytes = b''
    pixels: NdArray[112, 112, 3, np.uint8] | None = None
    embedding: NdArray[128, np.float32] | None = None
    matches: DocList[Garment] | None = None
