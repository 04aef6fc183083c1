"""A garment's cut-out is turned into a customer's snapshot: turned, cropped, badly lit, blurred, in a room.

Mild: a careful photo against something plain. Hard: tilted, partly out of the picture or covered, in coloured
light, against clutter. Neither shows the catalogue's studio: only the garment itself is the same.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from shop.drawing.scenes import Rng, busy_room, clutter, quiet_room

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Conditions:
    """How far a photo may go from the catalogue's picture; lengths are shares of the picture's side."""

    turn_deg: float
    scale: tuple[float, float]
    shift: float
    perspective: float
    crumple: float
    brightness: float
    white_balance: float
    shade: float
    blur: float
    noise: float
    jpeg: tuple[int, int]
    covered: float
    room: Callable[[Rng, int], Image.Image]


MILD = Conditions(
    turn_deg=10, scale=(0.75, 1.0), shift=0.05, perspective=0.04, crumple=0.006, brightness=0.15,
    white_balance=0.06, shade=0.15, blur=0.004, noise=0.012, jpeg=(70, 92), covered=0.0, room=quiet_room,
)  # fmt: skip
HARD = Conditions(
    turn_deg=35, scale=(0.6, 1.3), shift=0.14, perspective=0.13, crumple=0.018, brightness=0.35,
    white_balance=0.13, shade=0.45, blur=0.011, noise=0.04, jpeg=(25, 70), covered=0.6, room=busy_room,
)  # fmt: skip
CONDITIONS = {'mild': MILD, 'hard': HARD}


def photograph(garment: Image.Image, conditions: Conditions, rng: Rng, size: int = 224) -> Image.Image:
    """Turn a cut-out (RGBA) into a photo of it under these conditions, RGB, `size` pixels square."""
    scene = conditions.room(rng, size)
    laid = warp(crumpled(garment, conditions.crumple, rng), conditions, rng, size)
    shadow = laid.getchannel('A').filter(ImageFilter.GaussianBlur(size * 0.02))
    scene.paste(
        (30, 28, 30), (int(size * 0.01), int(size * 0.015)), shadow.point(lambda value: int(value * 0.4))
    )
    scene.paste(laid, (0, 0), laid)
    if rng.random() < conditions.covered:
        cover(rng, scene)
    scene = scene.filter(ImageFilter.GaussianBlur(rng.uniform(0, conditions.blur) * size))
    return compressed(lit(scene, conditions, rng), int(rng.integers(*conditions.jpeg)))


def warp(garment: Image.Image, conditions: Conditions, rng: Rng, size: int) -> Image.Image:
    """Turn a cut-out into one that is rotated, scaled, moved and seen at an angle, `size` pixels square."""
    turn = np.deg2rad(rng.uniform(-1, 1) * conditions.turn_deg)
    scale = np.exp(rng.uniform(*np.log(conditions.scale)))
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    seen = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * scale
    seen = seen + rng.uniform(-1, 1, (4, 2)) * conditions.perspective * scale
    seen = seen + 0.5 + rng.uniform(-1, 1, 2) * conditions.shift
    back = homography(seen * size, (corners + 0.5) * garment.width)
    return garment.transform((size, size), Image.Transform.PERSPECTIVE, back, Image.Resampling.BICUBIC)


def homography(source: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, ...]:
    """Turn four corners and where each goes into the eight numbers of the projection between them."""
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return tuple(np.linalg.solve(np.array(rows), target.ravel()).tolist())


def crumpled(garment: Image.Image, strength: float, rng: Rng, grid: int = 6) -> Image.Image:
    """Turn a cut-out into one whose cloth has been pulled about a little."""
    size = garment.width
    nodes = np.stack(np.meshgrid(*[np.linspace(0, size, grid + 1)] * 2), -1)
    pulled = nodes + rng.normal(0, strength * size, nodes.shape)
    mesh = []
    for row in range(grid):
        for column in range(grid):
            area = (
                *nodes[row, column].astype(int).tolist(),
                *nodes[row + 1, column + 1].astype(int).tolist(),
            )
            quad = [pulled[row + dy, column + dx] for dy, dx in ((0, 0), (1, 0), (1, 1), (0, 1))]
            mesh.append((area, tuple(np.concatenate(quad).tolist())))
    return garment.transform(garment.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def cover(rng: Rng, scene: Image.Image) -> None:
    """Put an arm, a strap or a box over a part of the scene."""
    layer = Image.new('RGB', scene.size, (255, 0, 255))
    clutter(rng, layer, 1)
    mask = Image.fromarray((np.abs(np.asarray(layer, int) - (255, 0, 255)).sum(2) > 0).astype(np.uint8) * 255)
    scene.paste(layer, (0, 0), mask)


def lit(scene: Image.Image, conditions: Conditions, rng: Rng) -> Image.Image:
    """Turn a scene into what a camera makes of it: exposure, colour cast, a shade across, grain."""
    values = np.asarray(scene, np.float32) / 255
    size = scene.width
    exposure = np.exp(rng.uniform(-1, 1) * conditions.brightness)
    cast = np.exp(rng.normal(0, conditions.white_balance, 3).clip(-0.4, 0.4))
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    turn = rng.uniform(0, 2 * np.pi)
    shade = 1 - rng.uniform(0, conditions.shade) * np.clip(
        0.5 + (x * np.cos(turn) + y * np.sin(turn)) * 1.6, 0, 1
    )
    values = values * (exposure * cast).astype(np.float32) * shade[..., None]
    contrast = np.exp(rng.uniform(-1, 1) * conditions.brightness * 0.5)
    values = np.clip(values, 0, 1) ** contrast + rng.normal(0, rng.uniform(0, conditions.noise), values.shape)
    return Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))


def compressed(picture: Image.Image, quality: int) -> Image.Image:
    """Turn a picture into what is left of it after JPEG."""
    buffer = io.BytesIO()
    picture.save(buffer, 'JPEG', quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert('RGB')
