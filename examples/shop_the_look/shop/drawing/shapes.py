"""Corner points are turned into smooth outlines; outlines, seams and buttons make up a garment.

Coordinates: x runs from -0.5 (left) to 0.5 (right), 0 being the middle, y from 0 (top) to 1 (bottom).
A point is (x, y), or (x, y, 1) where the outline has a corner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Path = NDArray[np.float64]
Point = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of cloth (or leather, or metal): an outline filled with a fabric.

    `fabric` is 'main' (the pattern), 'plain', 'second', 'third', 'dark', 'lining', 'sole', 'metal' or 'wood';
    `grain` is the angle in radians at which the pattern lies on it, `relief` how round it looks,
    `lift` how strong a shadow it casts on what lies under it, `motif` whether a print may sit on it.
    """

    outline: Path
    fabric: str = 'main'
    grain: float = 0.0
    relief: float = 1.0
    lift: float = 0.5
    motif: bool = False


@dataclass(frozen=True, slots=True)
class Seam:
    """A line on the garment: a seam, a pocket's edge, a lace."""

    line: Path
    fabric: str = 'seam'
    width: float = 0.005
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """A button, an eyelet or a rivet."""

    x: float
    y: float
    radius: float
    fabric: str = 'second'


Part = Piece | Seam | Button


def smooth(points: Sequence[Point], *, closed: bool = True, steps: int = 10) -> Path:
    """Turn corner and curve points into a dense outline that passes through all of them."""
    knots = np.array([point[:2] for point in points], float)
    sharp = np.array([len(point) > 2 for point in points])
    following, preceding = np.roll(knots, -1, 0) - knots, knots - np.roll(knots, 1, 0)
    if not closed:
        following[-1], preceding[0] = preceding[-1], following[0]
    tangent = np.where(sharp[:, None], 0, (following + preceding) / 2)
    leaving = np.where(sharp[:, None], following * 0.6, tangent)
    arriving = np.where(sharp[:, None], preceding * 0.6, tangent)
    count = len(points) if closed else len(points) - 1
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for start in range(count):
        end = (start + 1) % len(points)
        pieces.append(
            (2 * t**3 - 3 * t**2 + 1) * knots[start]
            + (t**3 - 2 * t**2 + t) * leaving[start]
            + (3 * t**2 - 2 * t**3) * knots[end]
            + (t**3 - t**2) * arriving[end]
        )
    if not closed:
        pieces.append(knots[-1:])
    return np.concatenate(pieces)


def mirrored(right_half: Sequence[Point], *, steps: int = 10) -> Path:
    """Turn the right half of an outline, listed from top to bottom, into the whole symmetric outline."""
    left = [(-point[0], *point[1:]) for point in reversed(right_half) if abs(point[0]) > 1e-9]
    return smooth([*right_half, *left], steps=steps)


def flipped(path: Path) -> Path:
    """Turn an outline into its mirror image, left for right."""
    return path * (-1, 1)


def both_sides(part: Part) -> tuple[Part, Part]:
    """Turn a part on the right into itself and its counterpart on the left."""
    match part:
        case Piece():
            left: Part = Piece(
                flipped(part.outline), part.fabric, -part.grain, part.relief, part.lift, part.motif
            )
        case Seam():
            left = Seam(flipped(part.line), part.fabric, part.width, part.dashed)
        case Button():
            left = Button(-part.x, part.y, part.radius, part.fabric)
    return part, left


def line(*points: Point) -> Path:
    """Turn a few points into a smooth open line."""
    return smooth(points, closed=False)


def ellipse(x: float, y: float, width: float, height: float) -> Path:
    """Turn a centre and two half axes into an outline."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], 1)


def box(left: float, top: float, right: float, bottom: float) -> Path:
    """Turn four edges into a rectangle's outline."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)
