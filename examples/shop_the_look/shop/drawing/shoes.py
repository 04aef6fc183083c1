"""Random numbers are turned into sneakers and boots, seen from the side."""

import numpy as np

from shop.drawing.shapes import Button, Part, Piece, Seam, ellipse, line, smooth
from shop.drawing.tops import Rng


def sole(rng: Rng, outline: list[tuple[float, float]], fabric: str) -> Piece:
    """Turn the lower edge of a shoe into its sole."""
    return Piece(
        smooth([(x, y, 1) if i in (0, 3) else (x, y) for i, (x, y) in enumerate(outline)]),
        fabric,
        relief=0.5,
        lift=0.1,
    )


def sneaker(rng: Rng) -> list[Part]:
    """Draw numbers for a sneaker in profile: height, toe, sole, laces, side stripe."""
    ankle, height = rng.uniform(0.2, 0.4), rng.uniform(0.025, 0.085)
    ground = 0.76
    rim = 0.6 - ankle
    nose = rng.uniform(0.56, 0.62)
    upper = [(-0.43, rim + 0.02, 1), (-0.29, rim + 0.05), (-0.13, rim, 1), (0.02, rim + (nose - rim) * 0.52)]
    upper += [
        (0.2, nose),
        (0.36, nose + 0.03),
        (0.445, ground - 0.06),
        (0.44, ground - 0.01, 1),
        (-0.45, ground - 0.01, 1),
        (-0.45, 0.62),
    ]
    parts: list[Part] = [
        Piece(ellipse(-0.28, rim + 0.02, 0.15, 0.045), 'lining', relief=0.2),
        Piece(smooth(upper), motif=False),
    ]
    heel = [
        (-0.43, rim + 0.03, 1),
        (-0.36, rim + 0.08),
        (-0.33, 0.64),
        (-0.31, ground - 0.01, 1),
        (-0.45, ground - 0.01, 1),
        (-0.45, 0.62),
    ]
    if rng.random() < 0.75:
        parts.append(Piece(smooth(heel), str(rng.choice(['second', 'third', 'dark'])), lift=0.3))
    if rng.random() < 0.65:
        cap = [
            (0.25, nose + 0.012, 1),
            (0.36, nose + 0.03),
            (0.445, ground - 0.06),
            (0.44, ground - 0.01, 1),
            (0.21, ground - 0.01, 1),
            (0.19, 0.68),
        ]
        parts.append(Piece(smooth(cap), str(rng.choice(['second', 'dark', 'plain', 'sole'])), lift=0.3))
    parts += side_mark(rng)
    base = [(-0.46, ground - 0.03), (0.0, ground - 0.02), (0.36, ground - 0.045), (0.465, ground - 0.035)]
    base += [(0.45, ground + height), (0.1, ground + height + 0.005), (-0.45, ground + height)]
    bottom = str(rng.choice(['sole', 'sole', 'dark', 'second', 'third']))
    parts.append(sole(rng, base, bottom))
    if rng.random() < 0.4:
        parts.append(
            Seam(line((-0.44, ground + height * 0.55), (0.44, ground + height * 0.55)), 'second', 0.008)
        )
    return parts + laces(rng, rim, nose)


def side_mark(rng: Rng) -> list[Part]:
    """Draw what many sneakers carry on their side: bars, a wave, a disc, or nothing."""
    fabric, kind = str(rng.choice(['second', 'third', 'sole'])), rng.integers(4)
    if kind == 0:
        return [Seam(line((x, 0.52), (x - 0.05, 0.74)), fabric, 0.025) for x in (-0.1, -0.03, 0.04)]
    if kind == 1:
        return [Seam(line((-0.27, 0.56), (-0.1, 0.68), (0.14, 0.58)), fabric, 0.034)]
    if kind == 2:
        return [Piece(ellipse(-0.24, 0.52, 0.055, 0.055), fabric, lift=0.2)]
    return []


def laces(rng: Rng, rim: float, nose: float) -> list[Part]:
    """Turn the slope of the instep into laces."""
    fabric = str(rng.choice(['sole', 'second', 'dark']))
    parts: list[Part] = []
    for share in np.linspace(0.1, 0.85, int(rng.integers(3, 6))):
        x, y = -0.12 + 0.3 * share, rim + (nose - rim) * (0.02 + 0.95 * share)
        parts.append(Seam(line((x - 0.075, y + 0.055), (x + 0.015, y - 0.005)), fabric, 0.017))
    return parts


def boot(rng: Rng) -> list[Part]:
    """Draw numbers for a boot in profile: shaft, heel, toe, zip, laces, buckle or elastic."""
    shaft, heel = rng.uniform(0.12, 0.42), rng.uniform(0.02, 0.15)
    ground, width = 0.86, rng.uniform(0.105, 0.15)
    rim = 0.52 - shaft
    toe = rng.uniform(0.34, 0.42)
    sharp = rng.uniform(0.0, 0.05)
    upper = [(-0.2 - width * 0.45, rim, 1), (-0.2 + width * 1.4, rim + 0.012, 1), (-0.2 + width * 1.25, 0.5)]
    upper += [(0.12, 0.65), (toe - 0.06, 0.72 + sharp), (toe + 0.02, ground - 0.035), (toe, ground, 1)]
    upper += [
        (0.06, ground - 0.002),
        (-0.05, ground - heel * 0.75),
        (-0.3, ground - heel, 1),
        (-0.31, 0.7),
        (-0.25, 0.52),
    ]
    parts: list[Part] = [
        Piece(ellipse(-0.2 + width * 0.47, rim + 0.004, width * 0.93, 0.022), 'lining', relief=0.2),
        Piece(smooth(upper)),
    ]
    bottom = str(rng.choice(['dark', 'wood', 'sole', 'third']))
    block = rng.uniform(0.05, 0.16)
    stack = [
        (-0.305, ground - heel, 1),
        (-0.3 + block, ground - heel * 0.9, 1),
        (-0.3 + block * 0.9, ground + 0.03, 1),
        (-0.3, ground + 0.03, 1),
    ]
    parts.append(Piece(smooth(stack), bottom, relief=0.5, lift=0.1))
    base = [
        (-0.31, ground - heel),
        (-0.05, ground - heel * 0.75),
        (0.08, ground - 0.006),
        (toe + 0.015, ground - 0.008),
    ]
    base += [
        (toe, ground + 0.03),
        (0.08, ground + 0.03),
        (-0.05, ground - heel * 0.75 + 0.03),
        (-0.3, ground - heel + 0.03),
    ]
    parts.append(sole(rng, base, bottom))
    return parts + boot_trim(rng, rim, width)


def boot_trim(rng: Rng, rim: float, width: float) -> list[Part]:
    """Draw laces, a buckle, elastic, a zip, or a turned rim."""
    style, left, right = rng.integers(5), -0.2 - width * 0.4, -0.2 + width * 1.3
    fabric = str(rng.choice(['second', 'third', 'dark']))
    if style == 0:
        return [
            Seam(line((right - 0.11 + k * 0.012, y + 0.02), (right - 0.01 + k * 0.025, y)), 'sole', 0.014)
            for k, y in enumerate(np.linspace(rim + 0.05, 0.62, 5))
        ]
    if style == 1:
        strap = smooth([(-0.29, 0.6, 1), (0.06, 0.585, 1), (0.09, 0.635, 1), (-0.3, 0.65, 1)])
        return [Piece(strap, fabric, lift=0.5), Button(-0.02, 0.615, 0.022, 'metal')]
    if style == 2:
        gore = smooth([(-0.16, rim + 0.01, 1), (-0.06, rim + 0.01, 1), (-0.1, 0.62)])
        return [Piece(gore, fabric, relief=0.4, lift=0.2)]
    if style == 3:
        return [Seam(line((-0.2, rim + 0.02), (-0.21, 0.8)), 'metal', 0.012)]
    fold = smooth(
        [
            (left - 0.025, rim - 0.012, 1),
            (right + 0.025, rim, 1),
            (right + 0.012, rim + 0.07, 1),
            (left - 0.012, rim + 0.065, 1),
        ]
    )
    return [Piece(fold, fabric, lift=0.5)]
