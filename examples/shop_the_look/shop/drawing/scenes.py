"""Random numbers are turned into what lies behind a garment: a shop's studio, or a customer's room."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from shop.drawing.palette import COLOURS, Colour, luminance, rgb

Rng = np.random.Generator


def picture(values: np.ndarray) -> Image.Image:
    """Turn numbers between 0 and 1 into an RGB picture."""
    return Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8), 'RGB')


def tint(rng: Rng, light: float, strength: float) -> np.ndarray:
    """Draw numbers for a pale colour."""
    hue = np.asarray(rgb(COLOURS[str(rng.choice(list(COLOURS)))]))
    return np.clip(light + (hue - hue.mean()) * strength, 0, 1)


def studio(rng: Rng, size: int, garment: Colour) -> Image.Image:
    """Draw numbers for a studio that lets a garment of this colour stand out."""
    light = rng.uniform(0.9, 0.965) if luminance(garment) < 0.75 else rng.uniform(0.74, 0.85)
    wall = tint(rng, light, float(rng.choice([0.015, 0.07, 0.13])))
    y, x = np.mgrid[0:size, 0:size] / size
    glow = 1.03 - 0.12 * ((x - 0.42) ** 2 + (y - 0.36) ** 2)
    values = wall * glow[..., None]
    kind = rng.integers(4)
    if kind == 1:
        level = rng.uniform(0.72, 0.84)
        values *= np.where(y > level, 0.93 - 0.06 * (y - level), 1.0)[..., None]
    elif kind == 2:
        radius, centre = rng.uniform(0.36, 0.46), rng.uniform(0.44, 0.54)
        inside = np.clip((radius - np.hypot(x - 0.5, y - centre)) * size / 2, 0, 1)
        values = values * (1 - inside[..., None]) + tint(rng, light - 0.02, 0.13) * inside[..., None]
    elif kind == 3:
        values *= (1 - 0.05 * np.clip((x + y - 1.0) * 3, 0, 1))[..., None]
    return picture(values)


def quiet_room(rng: Rng, size: int) -> Image.Image:
    """Draw numbers for a plain wall, a sheet or a table."""
    tone = tint(rng, rng.uniform(0.45, 0.95), rng.uniform(0, 0.35))
    y, x = np.mgrid[0:size, 0:size] / size
    turn, slope = rng.uniform(0, 6.28), rng.uniform(0, 0.3)
    values = tone * (1 + slope * ((x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn)))[..., None]
    grain = Image.fromarray(rng.normal(0, 1, (24, 24)).astype(np.float32), 'F').resize(
        (size, size), Image.Resampling.BICUBIC
    )
    return picture(values * (1 + 0.03 * np.asarray(grain))[..., None])


def busy_room(rng: Rng, size: int) -> Image.Image:
    """Draw numbers for a cluttered place: boards, tiles, a rug or rumpled sheets, with things lying about."""
    y, x = np.mgrid[0:size, 0:size] / size
    turn = rng.uniform(0, 3.14)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    tone, other = tint(rng, rng.uniform(0.25, 0.8), 0.5), tint(rng, rng.uniform(0.2, 0.9), 0.6)
    pitch = rng.uniform(4, 14)
    kind = rng.integers(4)
    if kind == 0:
        board = np.floor(v * pitch)
        values = tone * (0.8 + 0.3 * ((board * 7919) % 13) / 13 + 0.06 * np.sin(u * 60 + board))[..., None]
        values *= np.where((v * pitch) % 1 < 0.06, 0.55, 1)[..., None]
    elif kind == 1:
        share = ((np.floor(u * pitch) + np.floor(v * pitch)) % 2)[..., None]
        values = tone * share + other * (1 - share)
    elif kind == 2:
        share = (0.5 + 0.5 * np.sin(u * pitch * 5) * np.sin(v * pitch * 3))[..., None] ** 2
        values = tone * (1 - share) + other * share
    else:
        folds = np.sin(u * pitch + 3 * np.sin(v * 5)) + 0.5 * np.sin(v * pitch * 1.7 + 2 * np.cos(u * 7))
        values = tone * (1 + 0.16 * folds)[..., None]
    scene = picture(values)
    clutter(rng, scene, int(rng.integers(2, 9)))
    return scene.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 0.006)) * size))


def clutter(rng: Rng, scene: Image.Image, count: int) -> None:
    """Strew things over a scene: boxes, balls, straps."""
    draw, size = ImageDraw.Draw(scene), scene.width
    for _ in range(count):
        colour = tuple((np.asarray(rgb(COLOURS[str(rng.choice(list(COLOURS)))])) * 255).astype(int).tolist())
        x, y, reach = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(0.05, 0.24) * size
        turn = rng.uniform(0, 6.28)
        match rng.integers(3):
            case 0:
                draw.ellipse((x - reach, y - reach * 0.7, x + reach, y + reach * 0.7), colour)
            case 1:
                corners = turn + np.array([0.6, 2.5, 3.74, 5.68])
                draw.polygon([(x + reach * np.cos(c), y + reach * np.sin(c)) for c in corners], colour)
            case _:
                end = (x + 4 * reach * np.cos(turn), y + 4 * reach * np.sin(turn))
                draw.line([(x, y), end], colour, max(2, int(reach * 0.22)))
