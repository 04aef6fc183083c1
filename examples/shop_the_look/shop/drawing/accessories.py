"""Random numbers are turned into bags and hats."""

from shop.drawing.shapes import Button, Part, Path, Piece, Seam, box, ellipse, line, smooth
from shop.drawing.tops import Rng


def handle(width: float, top: float, base: float, fabric: str, thickness: float) -> Seam:
    """Turn a width and two heights into a curved handle."""
    return Seam(
        line((-width, base), (-width * 0.9, top + 0.06), (0, top), (width * 0.9, top + 0.06), (width, base)),
        fabric,
        thickness,
    )


def bag(rng: Rng) -> list[Part]:
    """Draw numbers for a bag: tote, satchel with flap, bucket, or backpack."""
    style = str(rng.choice(['tote', 'satchel', 'bucket', 'backpack']))
    top, bottom = rng.uniform(0.34, 0.48), rng.uniform(0.84, 0.94)
    wide = rng.uniform(0.24, 0.4)
    taper = rng.uniform(0.78, 1.0) if style != 'bucket' else rng.uniform(1.1, 1.3)
    trim = str(rng.choice(['second', 'dark', 'third', 'wood']))
    if style == 'backpack':
        return backpack(rng, trim)
    upper = min(wide * taper, 0.44)
    body = [
        (-upper, top, 1),
        (upper, top, 1),
        (wide, bottom - 0.06),
        (wide - 0.05, bottom, 1),
        (-wide + 0.05, bottom, 1),
        (-wide, bottom - 0.06),
    ]
    parts: list[Part] = [
        handle(
            upper * rng.uniform(0.4, 0.8), rng.uniform(0.05, 0.22), top + 0.08, trim, rng.uniform(0.018, 0.04)
        )
    ]
    parts.append(Piece(smooth(body), motif=style == 'tote'))
    if style == 'satchel':
        depth = top + (bottom - top) * rng.uniform(0.35, 0.65)
        flap = [
            (-upper - 0.012, top - 0.012, 1),
            (upper + 0.012, top - 0.012, 1),
            (upper * 0.98, depth - 0.05),
            (0, depth),
            (-upper * 0.98, depth - 0.05),
        ]
        parts.append(Piece(smooth(flap), str(rng.choice(['main', 'plain', 'second'])), lift=0.7))
        parts.append(Piece(box(-0.035, depth - 0.045, 0.035, depth + 0.03), 'metal', relief=0.3, lift=0.6))
    elif style == 'tote' and rng.random() < 0.6:
        base = bottom - (bottom - top) * rng.uniform(0.15, 0.3)
        parts.append(
            Piece(
                smooth(
                    [
                        (-wide, base, 1),
                        (wide, base, 1),
                        (wide, bottom - 0.05),
                        (wide - 0.05, bottom, 1),
                        (-wide + 0.05, bottom, 1),
                        (-wide, bottom - 0.05),
                    ]
                ),
                trim,
            )
        )
    elif style == 'bucket':
        parts.append(
            Seam(line((-upper * 0.95, top + 0.07), (0, top + 0.09), (upper * 0.95, top + 0.07)), trim, 0.016)
        )
        parts += [Button(x * upper, top + 0.08, 0.013, 'metal') for x in (-0.5, 0.5)]
    return parts


def backpack(rng: Rng, trim: str) -> list[Part]:
    """Draw numbers for a backpack with its front pocket and top loop."""
    wide, top = rng.uniform(0.22, 0.3), rng.uniform(0.12, 0.2)
    outline = [
        (-wide, 0.9, 1),
        (-wide * 1.02, 0.5),
        (-wide * 0.86, top + 0.1),
        (0, top),
        (wide * 0.86, top + 0.1),
        (wide * 1.02, 0.5),
        (wide, 0.9, 1),
    ]
    low = rng.uniform(0.52, 0.64)
    pocket = smooth([(-wide * 0.78, low), (wide * 0.78, low), (wide * 0.8, 0.85), (-wide * 0.8, 0.85)])
    strap: Path = line((-wide * 0.9, 0.35), (-wide - 0.07, 0.6), (-wide * 0.85, 0.86))
    parts: list[Part] = [
        Seam(strap, trim, 0.035),
        Seam(strap * (-1, 1), trim, 0.035),
        handle(0.07, top - 0.06, top + 0.03, trim, 0.022),
    ]
    parts += [
        Piece(smooth(outline), motif=False),
        Piece(pocket, str(rng.choice(['main', 'second', 'dark'])), lift=0.6),
    ]
    parts.append(Seam(line((-wide * 0.7, low + 0.03), (wide * 0.7, low + 0.03)), 'metal', 0.01))
    parts.append(Seam(line((-wide * 0.84, 0.44), (0, top + 0.17), (wide * 0.84, 0.44)), 'seam', 0.008))
    return parts


def hat(rng: Rng) -> list[Part]:
    """Draw numbers for a hat: sun hat, cap, beanie or bowler."""
    style = str(rng.choice(['sun', 'cap', 'beanie', 'bowler']))
    trim = str(rng.choice(['second', 'third', 'dark']))
    if style == 'beanie':
        return beanie(rng, trim)
    if style == 'cap':
        return cap(rng, trim)
    crown, width = rng.uniform(0.22, 0.38), rng.uniform(0.17, 0.22)
    brim, dip = rng.uniform(0.34, 0.47), rng.uniform(0.02, 0.09)
    level = 0.64
    top = [(-width, level, 1), (-width * 0.92, level - crown * 0.8), (-width * 0.3, level - crown)]
    top += [
        (0, level - crown * (0.88 if style == 'sun' else 1.02)),
        (width * 0.3, level - crown),
        (width * 0.92, level - crown * 0.8),
        (width, level, 1),
    ]
    edge = [
        (-brim, level + 0.02),
        (0, level + 0.06 + dip),
        (brim, level + 0.02),
        (width, level - 0.045),
        (-width, level - 0.045),
    ]
    band = smooth(
        [
            (-width * 1.01, level - 0.085, 1),
            (0, level - 0.06),
            (width * 1.01, level - 0.085, 1),
            (width * 1.03, level - 0.01, 1),
            (0, level + 0.025),
            (-width * 1.03, level - 0.01, 1),
        ]
    )
    return [
        Piece(smooth(edge), relief=0.8),
        Piece(smooth(top), relief=1.3, lift=0.3),
        Piece(band, trim, lift=0.3),
    ]


def beanie(rng: Rng, trim: str) -> list[Part]:
    """Draw numbers for a knitted hat with a turned brim, perhaps with a bobble."""
    wide, brim = rng.uniform(0.26, 0.33), rng.uniform(0.09, 0.17)
    dome = [
        (-wide, 0.75, 1),
        (-wide * 0.98, 0.5),
        (-wide * 0.5, 0.26),
        (0, 0.22),
        (wide * 0.5, 0.26),
        (wide * 0.98, 0.5),
        (wide, 0.75, 1),
    ]
    parts: list[Part] = [Piece(smooth(dome), relief=1.4)]
    parts.append(
        Piece(
            box(-wide - 0.014, 0.76 - brim, wide + 0.014, 0.78),
            str(rng.choice(['plain', 'second', 'dark'])),
            lift=0.6,
        )
    )
    if rng.random() < 0.55:
        radius = rng.uniform(0.06, 0.1)
        parts.insert(1, Piece(ellipse(0, 0.2, radius, radius * 0.92), trim, relief=1.5))
    return parts


def cap(rng: Rng, trim: str) -> list[Part]:
    """Draw numbers for a cap in profile, with its peak to the right."""
    crown = rng.uniform(0.28, 0.38)
    dome = [
        (-0.36, 0.64, 1),
        (-0.35, 0.64 - crown * 0.6),
        (-0.1, 0.64 - crown),
        (0.14, 0.64 - crown * 0.72),
        (0.2, 0.62, 1),
        (-0.08, 0.66),
    ]
    peak = [(0.1, 0.56, 1), (0.24, 0.54), (0.46, 0.64), (0.43, 0.68), (0.16, 0.66, 1)]
    parts: list[Part] = [Piece(smooth(dome), relief=1.3, motif=False)]
    for x in (-0.22, -0.02, 0.1):
        parts.append(
            Seam(line((-0.1, 0.645 - crown), (x - 0.02, 0.64 - crown * 0.6), (x, 0.645)), width=0.004)
        )
    parts.append(Piece(smooth(peak), str(rng.choice(['main', 'second', 'dark', 'third'])), lift=0.5))
    parts.append(Button(-0.1, 0.64 - crown, 0.02, trim))
    if rng.random() < 0.6:
        parts.append(Piece(ellipse(0.07, 0.5, 0.05, 0.055), trim, lift=0.3))
    return parts
