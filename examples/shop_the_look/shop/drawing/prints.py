"""A motif is turned into the outline printed on a garment's chest."""

import numpy as np

from shop.drawing.shapes import Path, ellipse


def star(points: int = 5, inner: float = 0.45) -> Path:
    """Turn a number of rays into a star of radius 1."""
    angle = np.arange(2 * points) * np.pi / points - np.pi / 2
    radius = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def heart() -> Path:
    """A heart of about radius 1."""
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.stack([x, y], 1) / 16


def mountain() -> Path:
    """Three peaks."""
    return np.array(
        [(-1, 0.6), (-0.5, -0.3), (-0.25, 0.05), (0.15, -0.75), (0.55, 0.0), (0.7, -0.2), (1, 0.6)], float
    )


def bolt() -> Path:
    """A flash of lightning."""
    return np.array(
        [(0.15, -1), (-0.55, 0.15), (-0.05, 0.15), (-0.2, 1), (0.55, -0.25), (0.05, -0.25), (0.5, -1)], float
    )


def wave() -> Path:
    """A band that rises and falls."""
    x = np.linspace(-1, 1, 40)
    top = 0.35 * np.sin(x * 2 * np.pi)
    return np.concatenate([np.stack([x, top - 0.16], 1), np.stack([x, top + 0.16], 1)[::-1]])


def ring() -> Path:
    """A thick ring, open at one point."""
    t = np.linspace(0.05, 2 * np.pi - 0.05, 60)
    outer = np.stack([np.cos(t), np.sin(t)], 1)
    return np.concatenate([outer, outer[::-1] * 0.66])


MOTIFS: dict[str, Path] = {
    'star': star(), 'sun': star(12, 0.68), 'heart': heart(), 'mountain': mountain(), 'lightning': bolt(),
    'wave': wave(), 'ring': ring(), 'moon': ellipse(0, 0, 0.8, 0.8), 'diamond': star(2, 0.62),
    'flower': star(8, 0.5),
}  # fmt: skip
