"""Random numbers are turned into t-shirts, shirts, sweaters, jackets, coats and dresses."""

from dataclasses import dataclass

import numpy as np

from shop.drawing.shapes import Button, Part, Piece, Point, Seam, both_sides, box, mirrored, smooth

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Torso:
    """The measures of a garment for the upper body, in the units of `shapes`."""

    neck: float  # half width of the neck opening
    neckline: float  # its depth
    shoulder: float  # half width at the shoulders
    chest: float
    waist: float
    hem: float
    length: float  # y of the hem
    waist_y: float
    top: float = 0.06
    v_neck: bool = False
    hem_curve: float = 0.012


def torso_outline(torso: Torso) -> list[Point]:
    """Turn measures into the right half of a body's outline, from the neck to the hem."""
    neckline: list[Point] = (
        [(0, torso.top + torso.neckline, 1)]
        if torso.v_neck
        else [
            (0, torso.top + torso.neckline),
            (torso.neck * 0.72, torso.top + torso.neckline * 0.62),
        ]
    )
    armpit = torso.top + 0.2
    return [
        *neckline,
        (torso.neck, torso.top, 1),
        (torso.shoulder, torso.top + 0.055, 1),
        (torso.chest * 0.97, (torso.top + 0.055 + armpit) / 2 + 0.02),
        (torso.chest, armpit, 1),
        (torso.waist, torso.waist_y),
        (torso.hem, torso.length, 1),
        (0, torso.length + torso.hem_curve),
    ]


def sleeve(torso: Torso, length: float, width: float, angle: float, *, fabric: str = 'main') -> Piece:
    """Turn a length, a cuff width and an angle from the vertical into the right sleeve."""
    top = np.array([torso.shoulder - 0.012, torso.top + 0.05])
    armpit = np.array([torso.chest - 0.012, torso.top + 0.215])
    along = np.array([np.sin(angle), np.cos(angle)])
    across = np.array([np.cos(angle), -np.sin(angle)])
    end = (top + armpit) / 2 + along * length
    outer, inner = end + across * width, end - across * width
    bulge = (top + outer) / 2 + across * 0.012
    points = [(*top, 1), tuple(bulge), (*outer, 1), (*inner, 1), (*((armpit + inner) / 2), 1), (*armpit, 1)]
    return Piece(smooth(points), fabric, grain=-angle, lift=0.2)


def cuff(piece: Piece, share: float, fabric: str) -> Piece:
    """Turn a sleeve into the band at its end."""
    start, end = piece.outline[::10][[2, 3]]
    back = piece.outline[::10]
    near, far = end + (back[4] - end) * share * 2, start + (back[1] - start) * share * 2
    outline = np.array([start, end, near, far])
    centre = outline.mean(0)
    return Piece(centre + (outline - centre) * 1.05, fabric, piece.grain, lift=0.3)


def inside(torso: Torso) -> Piece:
    """Turn a neck opening into what one sees of the back through it."""
    half = [(0, torso.top - 0.004), (torso.neck * 1.02, torso.top, 1), (0, torso.top + torso.neckline + 0.02)]
    return Piece(mirrored(half), 'lining', relief=0.2, lift=0)


def neck_band(torso: Torso, width: float, fabric: str) -> Piece:
    """Turn a neckline into the band sewn along it."""
    outer, depth = torso.neck, torso.top + torso.neckline
    bend: list[Point] = [] if torso.v_neck else [(outer * 0.72, torso.top + torso.neckline * 0.62)]
    low: list[Point] = [(0, depth, 1)] if torso.v_neck else [(0, depth)]
    rim = [*low, *bend, (outer, torso.top, 1)]
    inner = [
        (outer - width * 0.7, torso.top - 0.006, 1),
        *[(x - width * 0.75, y - width * 0.75) for x, y in (b[:2] for b in bend)],
        (0, depth - width * (1.5 if torso.v_neck else 1), *low[0][2:]),
    ]
    right = [*rim, *inner]
    return Piece(
        np.concatenate([smooth(right), smooth([(-p[0], *p[1:]) for p in reversed(right)])]), fabric, lift=0.3
    )


def hem_band(torso: Torso, height: float, fabric: str) -> Piece:
    """Turn a hem into the ribbed band at the bottom."""
    top = torso.length - height
    half: list[Point] = [(0, top + torso.hem_curve), (torso.hem * 1.005, top, 1)]
    half += [(torso.hem * 0.97, torso.length + 0.004, 1), (0, torso.length + torso.hem_curve + 0.004)]
    return Piece(mirrored(half), fabric, lift=0.3)


def button_row(
    top: float, bottom: float, count: int, *, x: float = 0.0, fabric: str = 'second'
) -> list[Part]:
    """Turn a height and a number into a row of buttons."""
    return [Button(x, y, 0.0105, fabric) for y in np.linspace(top, bottom, count)]


def chest_pocket(x: float, y: float, size: float, fabric: str = 'main') -> list[Part]:
    """Turn a place into a patch pocket with a stitched edge."""
    points = [(x - size, y, 1), (x + size, y, 1), (x + size, y + size * 1.7, 1), (x, y + size * 2.15, 1)]
    outline = smooth([*points, (x - size, y + size * 1.7, 1)])
    return [Piece(outline, fabric, relief=0.3, lift=0.4), Seam(outline, width=0.003, dashed=True)]


def t_shirt(rng: Rng) -> list[Part]:
    """Draw numbers for a t-shirt: fit, neckline, sleeves, perhaps raglan sleeves, perhaps a pocket."""
    fit = rng.uniform(0.19, 0.26)
    torso = Torso(
        neck=rng.uniform(0.075, 0.115),
        neckline=rng.uniform(0.05, 0.16),
        shoulder=fit * rng.uniform(0.94, 1.04),
        chest=fit,
        waist=fit * rng.uniform(0.86, 1.02),
        hem=fit * rng.uniform(0.92, 1.16),
        length=rng.uniform(0.62, 0.93),
        waist_y=0.55,
        v_neck=bool(rng.random() < 0.3),
        hem_curve=rng.uniform(-0.01, 0.03),
    )
    contrast = 'second' if rng.random() < 0.3 else 'main'
    arm = sleeve(
        torso, rng.uniform(0.08, 0.24), rng.uniform(0.06, 0.1), rng.uniform(0.55, 1.0), fabric=contrast
    )
    trim = str(rng.choice(['plain', 'second', 'dark']))
    parts: list[Part] = [inside(torso), *both_sides(arm)]
    if rng.random() < 0.4:
        parts += both_sides(cuff(arm, 0.12, trim))
    parts += [Piece(mirrored(torso_outline(torso)), motif=True), neck_band(torso, 0.018, trim)]
    if rng.random() < 0.22:
        parts += chest_pocket(0.09, 0.3, 0.045, str(rng.choice(['main', 'second'])))
    return parts


def sweater(rng: Rng) -> list[Part]:
    """Draw numbers for a sweater: long sleeves, ribbed bands, perhaps a roll neck."""
    fit = rng.uniform(0.2, 0.27)
    roll = rng.random() < 0.35
    torso = Torso(
        neck=rng.uniform(0.07, 0.1),
        neckline=0.03 if roll else rng.uniform(0.05, 0.15),
        shoulder=fit * rng.uniform(0.93, 1.02),
        chest=fit,
        waist=fit * rng.uniform(0.95, 1.06),
        hem=fit * rng.uniform(0.9, 1.04),
        length=rng.uniform(0.66, 0.94),
        waist_y=0.55,
        v_neck=bool(not roll and rng.random() < 0.4),
        top=0.1 if roll else 0.06,
    )
    trim = str(rng.choice(['plain', 'second', 'dark']))
    arm = sleeve(torso, rng.uniform(0.4, 0.56), rng.uniform(0.042, 0.075), rng.uniform(0.16, 0.5))
    parts: list[Part] = [inside(torso), *both_sides(arm), *both_sides(cuff(arm, 0.07, trim))]
    parts += [
        Piece(mirrored(torso_outline(torso)), motif=True),
        hem_band(torso, rng.uniform(0.03, 0.07), trim),
    ]
    if roll:
        neck = [(0, 0.035), (torso.neck * 0.93, 0.04, 1), (torso.neck * 1.03, 0.115, 1), (0, 0.15)]
        parts.append(Piece(mirrored(neck), trim, lift=0.4))
    else:
        parts.append(neck_band(torso, rng.uniform(0.02, 0.035), trim))
    return parts


def shirt(rng: Rng) -> list[Part]:
    """Draw numbers for a shirt: collar, button placket, cuffs, pockets, a curved or straight hem."""
    fit = rng.uniform(0.19, 0.25)
    torso = Torso(
        neck=rng.uniform(0.07, 0.09),
        neckline=rng.uniform(0.04, 0.12),
        shoulder=fit * rng.uniform(0.96, 1.04),
        chest=fit,
        waist=fit * rng.uniform(0.85, 1.0),
        hem=fit * rng.uniform(0.92, 1.1),
        length=rng.uniform(0.72, 0.95),
        waist_y=0.55,
        v_neck=True,
        hem_curve=rng.uniform(-0.005, 0.05),
    )
    long = rng.random() < 0.65
    length = rng.uniform(0.42, 0.54) if long else rng.uniform(0.13, 0.22)
    arm = sleeve(torso, length, rng.uniform(0.045, 0.06) if long else 0.075, rng.uniform(0.2, 0.6))
    trim = str(rng.choice(['main', 'plain', 'second'], p=[0.5, 0.25, 0.25]))
    parts: list[Part] = [inside(torso), *both_sides(arm), *both_sides(cuff(arm, 0.06, trim))]
    parts.append(Piece(mirrored(torso_outline(torso)), motif=True))
    start = torso.top + torso.neckline
    parts.append(
        Piece(box(-0.019, start, 0.019, torso.length + torso.hem_curve * 0.8), trim, relief=0.2, lift=0.25)
    )
    parts += button_row(
        start + 0.02,
        torso.length - 0.06,
        int(rng.integers(5, 8)),
        fabric=str(rng.choice(['third', 'sole', 'dark'])),
    )
    parts += collar(torso, rng.uniform(0.03, 0.075), trim)
    for side in (1, -1)[: int(rng.choice([0, 1, 2], p=[0.4, 0.35, 0.25]))]:
        parts += chest_pocket(side * 0.1, 0.27, 0.043, trim)
    return parts


def collar(torso: Torso, size: float, fabric: str) -> list[Part]:
    """Turn a neckline into the two points of a folded collar."""
    depth = torso.top + torso.neckline
    leaf = [(torso.neck * 0.82, torso.top - 0.028), (torso.neck * 1.1, torso.top + 0.012, 1)]
    leaf += [(torso.neck * 0.75 + size * 0.5, depth + size, 1), (0.004, depth + 0.004, 1)]
    leaf += [(torso.neck * 0.66, torso.top + 0.008)]
    return list(both_sides(Piece(smooth(leaf), fabric, grain=0.5, relief=0.5, lift=0.6)))
