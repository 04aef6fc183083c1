"""Pictures of any shape are turned into square arrays of one size, which is what extractors take."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pictures = NDArray[np.uint8]  # (n, side, side, 3)
Vectors = NDArray[np.float32]  # (n, d), each of length 1


class Extractor(Protocol):
    """Turns n pictures of `side` x `side` pixels into n vectors of length 1, near for alike garments."""

    side: int

    def __call__(self, pictures: Pictures) -> Vectors: ...


def squared(picture: Image.Image, side: int) -> NDArray[np.uint8]:
    """Turn a picture into an array (side, side, 3), its short side padded with its border's colour."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ('RGBA', 'LA', 'P'):
        layered = picture.convert('RGBA')
        picture = Image.new('RGB', picture.size, (245, 245, 245))
        picture.paste(layered, (0, 0), layered)
    picture = picture.convert('RGB')
    scale = side / max(picture.size)
    width, height = (max(1, round(length * scale)) for length in picture.size)
    small = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if width == height:
        return np.asarray(small)
    border = np.asarray(small)
    edge = np.concatenate([border[0], border[-1], border[:, 0], border[:, -1]])
    square = Image.new('RGB', (side, side), tuple(np.median(edge, 0).astype(int).tolist()))
    square.paste(small, ((side - width) // 2, (side - height) // 2))
    return np.asarray(square)


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Turn vectors into ones of length 1; a vector of zeros stays as it is."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.maximum(length, 1e-12)).astype(np.float32)
