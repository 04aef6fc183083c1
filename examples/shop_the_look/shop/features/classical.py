"""Pictures are turned into vectors the classical way: colours, oriented gradients, local binary patterns.

Nothing is learnt. It is here to show what the network is worth.
"""

import numpy as np
from numpy.typing import NDArray

from shop.features.pictures import Pictures, Vectors, unit

Grey = NDArray[np.float64]
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


class ClassicalExtractor:
    """Turns uint8 pictures (n, 128, 128, 3) into float32 vectors (n, 1392) of length 1."""

    side = 128

    def __call__(self, pictures: Pictures) -> Vectors:
        return unit(np.array([describe(picture) for picture in pictures]).reshape(len(pictures), -1))


def describe(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Turn one picture into its 580 colour, 576 shape and 236 texture numbers, each group weighing alike."""
    lab = to_lab(picture)
    grey = lab[..., 0] / 100
    groups = (colours(lab), gradients(grey), textures(grey))
    return np.concatenate([np.sqrt(group / max(group.sum(), 1e-12)) for group in groups])


def to_lab(picture: NDArray[np.uint8]) -> Grey:
    """Turn sRGB values (h, w, 3) into CIE L*a*b*, where distances are as large as they look."""
    values = picture / 255
    linear = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    xyz = linear @ TO_XYZ.T / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def colours(lab: Grey) -> Grey:
    """Turn L*a*b* values into two histograms: of the whole picture, and a finer one of its middle."""
    quarter = lab.shape[0] // 4
    middle = lab[quarter:-quarter, quarter:-quarter].reshape(-1, 3)
    limits = ((0, 100.001), (-80, 80), (-80, 80))
    clipped = [np.clip(part, [0, -79.9, -79.9], [100, 79.9, 79.9]) for part in (lab.reshape(-1, 3), middle)]
    whole = np.histogramdd(clipped[0], (4, 4, 4), limits)[0].ravel()[:64]
    fine = np.histogramdd(clipped[1], (6, 9, 9), limits)[0].ravel()
    light = np.histogram(clipped[1][:, 0], 30, (0, 100.001))[0]
    return np.concatenate([whole / whole.sum(), fine / fine.sum(), light / light.sum()])


def gradients(grey: Grey) -> Grey:
    """Turn brightness into histograms of 9 edge directions in 8 x 8 cells."""
    down, right = np.gradient(grey)
    strength, direction = np.hypot(down, right), np.arctan2(down, right) % np.pi
    bins = np.minimum((direction / np.pi * 9).astype(int), 8)
    rows, columns = np.indices(grey.shape) * 8 // grey.shape[0]
    cells = np.bincount(((rows * 8 + columns) * 9 + bins).ravel(), strength.ravel(), minlength=576).reshape(
        64, 9
    )
    return (cells / (np.linalg.norm(cells, axis=1, keepdims=True) + 0.02)).ravel()


def uniform_codes() -> NDArray[np.int64]:
    """Turn each of the 256 comparisons with the neighbours into one of 59 kinds (58 smooth, and the rest)."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    smooth = (bits != np.roll(bits, 1, 1)).sum(1) <= 2
    return np.where(smooth, np.cumsum(smooth) - 1, 58)


CODES = uniform_codes()


def textures(grey: Grey) -> Grey:
    """Turn brightness into histograms of local binary patterns in the picture's four quarters."""
    inner = grey[1:-1, 1:-1]
    around = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    height, width = inner.shape
    code = np.zeros(inner.shape, int)
    for bit, (down, right) in enumerate(around):
        code |= (grey[down : down + height, right : right + width] > inner + 0.004).astype(int) << bit
    kinds = CODES[code]
    halves = [
        (slice(a, a + height // 2), slice(b, b + width // 2))
        for a in (0, height // 2)
        for b in (0, width // 2)
    ]
    return np.concatenate([np.bincount(kinds[half].ravel(), minlength=59) for half in halves]).astype(float)
