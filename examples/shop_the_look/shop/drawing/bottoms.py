"""Random numbers are turned into trousers, shorts and skirts."""

import numpy as np

from shop.drawing.shapes import Button, Part, Path, Piece, Seam, both_sides, box, line, mirrored, smooth
from shop.drawing.tops import Rng, button_row


def waistband(width: float, top: float, height: float, fabric: str) -> list[Part]:
    """Turn a waist into its band."""
    half = [(0, top), (width, top - 0.004, 1), (width * 1.015, top + height, 1), (0, top + height + 0.006)]
    return [Piece(mirrored(half), fabric, relief=0.6, lift=0.3)]


def closure(rng: Rng, top: float, height: float) -> list[Part]:
    """Draw a button with a fly, a drawstring, or belt loops."""
    kind = rng.integers(3)
    if kind == 0:
        fly = Seam(
            line((0.045, top + height), (0.04, top + 0.15), (0.0, top + 0.2)), width=0.004, dashed=True
        )
        return [Button(0, top + height / 2, 0.012, 'metal'), fly]
    if kind == 1:
        return list(
            both_sides(
                Seam(line((0.005, top + height * 0.6), (0.02, top + 0.1), (0.035, top + 0.16)), 'sole', 0.009)
            )
        )
    loops = [
        Piece(box(x - 0.007, top - 0.008, x + 0.007, top + height + 0.01), 'dark')
        for x in (-0.13, -0.06, 0.06, 0.13)
    ]
    return [*loops, Button(0, top + height / 2, 0.011, 'dark')]


def legs(rng: Rng, length: float, hem: float, *, waist: float, hip: float, gap: float) -> list[Part]:
    """Turn measures into two trouser legs with a crease or a side stripe."""
    top, crotch = 0.05, 0.05 + rng.uniform(0.25, 0.31)
    middle = gap + hem * 0.5
    leg = [
        (-0.004, top, 1),
        (waist, top, 1),
        (hip, crotch - 0.1),
        ((hip + middle + hem) / 2 + 0.005, (crotch + length) / 2),
    ]
    leg += [(middle + hem, length, 1), (max(middle - hem, gap * 0.4), length + 0.004, 1), (0.004, crotch, 1)]
    if length < 0.6:
        leg.pop(3)
    parts: list[Part] = list(both_sides(Piece(smooth(leg), grain=0.03, lift=0.25)))
    decoration = rng.random()
    if decoration < 0.3:
        parts += both_sides(Seam(line((waist * 0.6, top + 0.1), (middle, length - 0.01)), 'fold', 0.006))
    elif decoration < 0.5:
        side = [(waist - 0.002, top + 0.02), (hip - 0.004, crotch - 0.1), (middle + hem - 0.006, length)]
        if length >= 0.6:
            side.insert(2, (leg[3][0] - 0.004, leg[3][1]))
        parts += both_sides(Seam(line(*side), 'second', 0.02))
    if rng.random() < 0.35:
        rise = rng.uniform(0.03, 0.06)
        turn = [(middle + hem + 0.005, length - rise, 1), (middle + hem + 0.004, length + 0.006, 1)]
        turn += [
            (max(middle - hem, gap * 0.4) - 0.003, length + 0.01, 1),
            (max(middle - hem, gap * 0.4) + 0.003, length - rise, 1),
        ]
        parts += both_sides(Piece(smooth(turn), str(rng.choice(['second', 'dark', 'plain'])), lift=0.4))
    return parts


def pockets(rng: Rng, waist: float, hip: float, top: float) -> list[Part]:
    """Draw slanted, round or cargo pockets, or none."""
    kind = rng.integers(4)
    if kind == 0:
        return list(both_sides(Seam(line((waist * 0.62, top), (hip * 0.97, top + 0.13)), width=0.006)))
    if kind == 1:
        return list(
            both_sides(
                Seam(
                    line((waist * 0.5, top), (waist * 0.62, top + 0.08), (hip * 0.97, top + 0.09)),
                    width=0.006,
                )
            )
        )
    if kind == 2:
        patch = Piece(box(hip * 0.62, top + 0.28, hip * 1.06, top + 0.42), relief=0.4, lift=0.6)
        flap = Piece(box(hip * 0.6, top + 0.27, hip * 1.08, top + 0.31), 'dark', relief=0.4)
        return [*both_sides(patch), *both_sides(flap)]
    return []


def trousers(rng: Rng) -> list[Part]:
    """Draw numbers for trousers, from tight to flared."""
    waist = rng.uniform(0.125, 0.17)
    hip = waist * rng.uniform(1.12, 1.32)
    hem = float(rng.choice([rng.uniform(0.036, 0.05), rng.uniform(0.055, 0.08), rng.uniform(0.09, 0.125)]))
    parts = legs(rng, rng.uniform(0.86, 0.985), hem, waist=waist, hip=hip, gap=rng.uniform(0.02, 0.1))
    parts += pockets(rng, waist, hip, 0.1)
    height = rng.uniform(0.03, 0.06)
    parts += waistband(waist, 0.04, height, str(rng.choice(['main', 'plain', 'dark', 'second'])))
    return parts + closure(rng, 0.04, height)


def shorts(rng: Rng) -> list[Part]:
    """Draw numbers for shorts: drawn larger, as they fill the picture."""
    waist = rng.uniform(0.19, 0.24)
    hip = waist * rng.uniform(1.12, 1.26)
    length, hem, gap = rng.uniform(0.52, 0.68), rng.uniform(0.1, 0.15), rng.uniform(0.03, 0.08)
    parts = legs(rng, length, hem, waist=waist, hip=hip, gap=gap)
    parts += pockets(rng, waist, hip, 0.1)[:2]
    height = rng.uniform(0.04, 0.07)
    parts += waistband(waist, 0.04, height, str(rng.choice(['main', 'plain', 'dark', 'second'])))
    return parts + closure(rng, 0.04, height)


def tiers(outline: Path, count: int, fabric: str) -> list[Part]:
    """Turn a skirt's outline into the bands between its tiers, each as wide as the skirt is there."""
    right = outline[outline[:, 0] > 0]
    right = right[np.argsort(right[:, 1])]
    top, bottom = right[0, 1], right[-1, 1]
    bands: list[Part] = []
    for y in np.linspace(top, bottom, count + 1)[1:-1]:
        upper, lower = np.interp([y, y + 0.045], right[:, 1], right[:, 0]) + 0.004
        half = [(0, y + 0.008), (upper, y - 0.004, 1), (lower, y + 0.045, 1), (0, y + 0.058)]
        bands.append(Piece(mirrored(half), fabric, lift=0.4))
    return bands


def skirt(rng: Rng) -> list[Part]:
    """Draw numbers for a skirt: pencil, A-line, pleated, tiered or wrapped."""
    waist = rng.uniform(0.13, 0.18)
    hem = waist * float(rng.choice([rng.uniform(0.85, 1.15), rng.uniform(1.4, 2.0), rng.uniform(2.0, 2.6)]))
    length, top = rng.uniform(0.5, 0.95), 0.06
    bow = rng.uniform(0.25, 0.7)
    half = [(0, top), (waist, top, 1), (waist + (hem - waist) * bow + 0.012, (top + length) / 2)]
    half += [(hem, length - 0.012, 1), (0, length + rng.uniform(0, 0.02))]
    outline = mirrored(half)
    parts: list[Part] = [Piece(outline, relief=1.2)]
    style = str(rng.choice(['pleats', 'tiers', 'wrap', 'buttons', 'plain']))
    if style == 'pleats':
        for share in np.linspace(0.12, 0.92, int(rng.integers(3, 7))):
            parts += both_sides(
                Seam(line((waist * share, top + 0.05), (hem * share, length - 0.012)), 'fold', 0.007)
            )
    elif style == 'tiers':
        parts += tiers(outline, int(rng.integers(2, 4)), str(rng.choice(['second', 'dark', 'plain'])))
    elif style == 'wrap':
        edge = rng.uniform(-0.2, 0.6) * waist
        flap = line((-waist * 0.7, top + 0.04), (edge, (top + length) / 2), (edge + hem * 0.3, length))
        parts += [Seam(flap, width=0.008), Button(-waist * 0.7, top + 0.03, 0.016, 'third')]
    elif style == 'buttons':
        parts += button_row(
            top + 0.09,
            length - 0.06,
            int(rng.integers(4, 8)),
            fabric=str(rng.choice(['second', 'metal', 'third'])),
        )
        parts.append(Seam(line((0.02, top + 0.05), (0.02, length)), width=0.003))
    height = rng.uniform(0.025, 0.055)
    return parts + waistband(waist, 0.05, height, str(rng.choice(['main', 'dark', 'second', 'plain'])))
