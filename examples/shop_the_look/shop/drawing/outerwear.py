"""Random numbers are turned into jackets, coats and dresses: torsos with fronts, belts and skirts."""

import numpy as np

from shop.drawing.shapes import Button, Part, Piece, Point, Seam, both_sides, box, line, mirrored, smooth
from shop.drawing.tops import (
    Rng,
    Torso,
    button_row,
    collar,
    cuff,
    hem_band,
    inside,
    neck_band,
    sleeve,
    torso_outline,
)


def front_pockets(rng: Rng, x: float, y: float, fabric: str) -> list[Part]:
    """Draw one of three kinds of pockets: welt, flap or patch; on both sides."""
    kind, width = rng.integers(3), rng.uniform(0.045, 0.06)
    if kind == 0:
        return list(
            both_sides(Seam(line((x - width * 0.4, y + 0.05), (x + width * 0.6, y - 0.04)), width=0.011))
        )
    flap = Piece(
        smooth([(x - width, y, 1), (x + width, y, 1), (x + width, y + 0.035, 1), (x - width, y + 0.035, 1)]),
        fabric,
    )
    if kind == 1:
        return list(both_sides(flap))
    patch = Piece(box(x - width * 0.93, y + 0.01, x + width * 0.93, y + 0.12), 'main', relief=0.3)
    return [*both_sides(patch), *both_sides(flap)]


def lapels(torso: Torso, depth: float, fabric: str) -> list[Part]:
    """Turn a closing point into two lapels with a notch."""
    top, neck = torso.top, torso.neck
    leaf = [(neck * 0.85, top - 0.02, 1), (neck * 1.25, top + 0.02, 1), (neck * 1.5, top + depth * 0.36, 1)]
    leaf += [
        (neck * 1.16, top + depth * 0.42, 1),
        (neck * 1.42, top + depth * 0.52, 1),
        (0.008, top + depth, 1),
    ]
    leaf += [(neck * 0.62, top + depth * 0.45)]
    return list(both_sides(Piece(smooth(leaf), fabric, grain=0.4, relief=0.5, lift=0.6)))


def jacket(rng: Rng) -> list[Part]:
    """Draw numbers for a jacket: a bomber with zip and ribbed bands, a biker, or a blazer."""
    fit = rng.uniform(0.2, 0.26)
    style = str(rng.choice(['bomber', 'denim', 'blazer']))
    blazer = style == 'blazer'
    torso = Torso(
        neck=rng.uniform(0.07, 0.09),
        neckline=rng.uniform(0.22, 0.36) if blazer else 0.05,
        shoulder=fit * rng.uniform(0.98, 1.06),
        chest=fit,
        waist=fit * (rng.uniform(0.84, 0.96) if blazer else rng.uniform(0.96, 1.06)),
        hem=fit * (rng.uniform(0.98, 1.14) if blazer else rng.uniform(0.9, 1.0)),
        length=rng.uniform(0.76, 0.92) if blazer else rng.uniform(0.6, 0.76),
        waist_y=0.52,
        v_neck=blazer,
        top=0.08,
    )
    trim = str(rng.choice(['second', 'dark', 'plain']))
    contrast = 'second' if style == 'bomber' and rng.random() < 0.35 else 'main'
    arm = sleeve(
        torso, rng.uniform(0.44, 0.54), rng.uniform(0.05, 0.065), rng.uniform(0.16, 0.42), fabric=contrast
    )
    parts: list[Part] = [
        inside(torso),
        *both_sides(arm),
        *both_sides(cuff(arm, 0.08, 'main' if blazer else trim)),
    ]
    parts.append(Piece(mirrored(torso_outline(torso)), motif=style == 'bomber'))
    if blazer:
        closing = torso.top + torso.neckline
        parts += lapels(torso, torso.neckline, str(rng.choice(['main', 'dark', 'second'])))
        parts += [Seam(line((0.0, closing), (0.006, torso.length)), width=0.005)]
        parts += button_row(closing + 0.02, closing + 0.13, int(rng.integers(1, 4)), x=0.02, fabric='dark')
        return parts + front_pockets(rng, 0.12, 0.56, 'main')
    parts.append(hem_band(torso, rng.uniform(0.04, 0.065), trim))
    if style == 'bomber':
        parts += [Seam(line((0, torso.top + 0.03), (0, torso.length)), 'metal', 0.012)]
        parts.append(neck_band(torso, 0.04, trim))
    else:
        parts += [Piece(box(-0.02, torso.top + 0.04, 0.02, torso.length - 0.02), trim, relief=0.2)]
        parts += button_row(torso.top + 0.1, torso.length - 0.05, 6, fabric='metal')
        parts += collar(torso, 0.06, trim)
        parts += both_sides(Seam(line((0.02, 0.3), (torso.chest * 0.95, 0.3)), width=0.004, dashed=True))
    return parts + front_pockets(rng, torso.chest * 0.58, torso.length - 0.22, trim)


def coat(rng: Rng) -> list[Part]:
    """Draw numbers for a coat: long, single or double breasted, perhaps belted, perhaps with a hood."""
    fit = rng.uniform(0.17, 0.21)
    torso = Torso(
        neck=rng.uniform(0.06, 0.08),
        neckline=rng.uniform(0.1, 0.24),
        shoulder=fit * rng.uniform(0.96, 1.04),
        chest=fit,
        waist=fit * rng.uniform(0.84, 1.02),
        hem=fit * rng.uniform(1.02, 1.5),
        length=rng.uniform(0.9, 0.985),
        waist_y=0.46,
        v_neck=True,
        top=0.07,
    )
    trim = str(rng.choice(['main', 'second', 'dark']))
    arm = sleeve(torso, rng.uniform(0.4, 0.48), rng.uniform(0.045, 0.06), rng.uniform(0.14, 0.36))
    parts: list[Part] = []
    if rng.random() < 0.3:
        hood = [(0, 0.0), (torso.neck * 1.25, 0.02), (torso.neck * 1.6, 0.1), (0, 0.16)]
        parts.append(Piece(mirrored(hood), 'main', lift=0.2))
    parts += [inside(torso), *both_sides(arm), *both_sides(cuff(arm, 0.07, trim))]
    parts.append(Piece(mirrored(torso_outline(torso))))
    closing = torso.top + torso.neckline
    double = rng.random() < 0.4
    edge = 0.05 if double else 0.012
    parts += [Seam(line((edge if double else 0, closing), (edge, torso.length)), width=0.006)]
    count = int(rng.integers(3, 6))
    for side in (1, -1) if double else (0,):
        parts += button_row(
            closing + 0.04, 0.7, count, x=side * 0.032, fabric=str(rng.choice(['third', 'metal', 'dark']))
        )
    parts += lapels(torso, torso.neckline, trim)
    if rng.random() < 0.4:
        parts += belt(torso.waist, torso.waist_y, 0.022, str(rng.choice(['dark', 'second', 'main'])))
    return parts + front_pockets(rng, 0.1, 0.56, trim)


def belt(width: float, y: float, half: float, fabric: str) -> list[Part]:
    """Turn a waist into a belt with a buckle."""
    band = [
        (0, y - half),
        (width * 1.02, y - half - 0.004, 1),
        (width * 1.02, y + half - 0.004, 1),
        (0, y + half),
    ]
    return [
        Piece(mirrored(band), fabric, lift=0.6),
        Seam(np.vstack([box(-0.026, y - half, 0.026, y + half), [(-0.026, y - half)]]), 'metal', 0.009),
    ]


def dress(rng: Rng) -> list[Part]:
    """Draw numbers for a dress: straps or sleeves, neckline, waist, a skirt from straight to full."""
    fit = rng.uniform(0.13, 0.165)
    waist_y = rng.uniform(0.34, 0.46)
    length = rng.uniform(0.72, 0.985)
    sleeves = str(rng.choice(['none', 'straps', 'short', 'long']))
    torso = Torso(
        neck=rng.uniform(0.06, 0.1),
        neckline=rng.uniform(0.05, 0.15),
        shoulder=fit * rng.uniform(0.86, 1.0),
        chest=fit,
        waist=fit * rng.uniform(0.68, 0.92),
        hem=fit * 0.8,
        length=waist_y + 0.04,
        waist_y=waist_y,
        v_neck=bool(rng.random() < 0.4),
        top=0.03,
    )
    parts: list[Part] = []
    if sleeves != 'straps':
        parts.append(inside(torso))
    if sleeves in ('short', 'long'):
        reach = rng.uniform(0.06, 0.14) if sleeves == 'short' else rng.uniform(0.3, 0.4)
        arm = sleeve(torso, reach, rng.uniform(0.045, 0.08), rng.uniform(0.25, 0.7))
        parts += both_sides(arm)
    hem = rng.uniform(0.13, 0.4)
    parts += dress_skirt(rng, torso, hem, length)
    parts += strapped(rng, torso) if sleeves == 'straps' else [bodice(torso_outline(torso))]
    if sleeves != 'straps' and rng.random() < 0.5:
        parts.append(neck_band(torso, 0.014, str(rng.choice(['second', 'dark', 'plain']))))
    return parts + dress_trim(rng, torso, hem, length)


def dress_skirt(rng: Rng, torso: Torso, hem: float, length: float) -> list[Part]:
    """Turn a waist and a hem into a dress's skirt, with folds or without."""
    top, bow = torso.waist_y, rng.uniform(0.3, 0.62)
    half = [(0, top - 0.01), (torso.waist, top - 0.006, 1)]
    half += [(torso.waist + (hem - torso.waist) * bow, (top + length) / 2)]
    half += [(hem, length - 0.01, 1), (0, length + rng.uniform(-0.005, 0.012))]
    lower = str(rng.choice(['main', 'plain', 'second'], p=[0.76, 0.1, 0.14]))
    parts: list[Part] = [Piece(mirrored(half), lower, relief=1.2, lift=0.1)]
    for share in np.linspace(0.2, 0.8, int(rng.integers(0, 4))):
        fold = line((torso.waist * share, top + 0.03), (hem * share * 1.06, length - 0.03))
        parts += both_sides(Seam(fold, 'fold', 0.006))
    return parts


def bodice(outline: list[Point]) -> Piece:
    """Turn the right half of an outline into the upper part of a dress."""
    return Piece(mirrored(outline), motif=False, lift=0.2)


def strapped(rng: Rng, torso: Torso) -> list[Part]:
    """Turn a torso into a bodice on two straps."""
    drop = torso.top + rng.uniform(0.1, 0.15)
    strap = [(torso.neck * 0.9, torso.top, 1), (torso.neck * 0.9 + 0.02, torso.top, 1)]
    strap += [(torso.chest * 0.86, drop + 0.04, 1), (torso.chest * 0.86 - 0.026, drop + 0.02, 1)]
    neckline: list[Point] = [(0, drop + rng.uniform(-0.01, 0.05)), (torso.chest * 0.8, drop, 1)]
    return [
        *both_sides(Piece(smooth(strap), 'plain', lift=0.1)),
        bodice([*neckline, *torso_outline(torso)[-4:]]),
    ]


def dress_trim(rng: Rng, torso: Torso, hem: float, length: float) -> list[Part]:
    """Draw a frill at the hem, a belt or buttons, or nothing."""
    parts: list[Part] = []
    if rng.random() < 0.25:
        height = rng.uniform(0.03, 0.07)
        frill = [(0, length - height), (hem * (1 - height * 0.5), length - height - 0.008, 1)]
        frill += [(hem * 1.02, length, 1), (0, length + 0.014)]
        parts.append(Piece(mirrored(frill), str(rng.choice(['second', 'dark', 'plain'])), lift=0.4))
    if rng.random() < 0.55:
        half, fabric = rng.uniform(0.008, 0.02), str(rng.choice(['second', 'dark', 'third']))
        parts += belt(torso.waist, torso.waist_y, half, fabric)
    elif rng.random() < 0.4:
        start = torso.top + torso.neckline + 0.03
        parts += [Button(0, y, 0.009, 'third') for y in np.linspace(start, torso.waist_y, 4)]
    return parts
