"""Named colours are turned into RGB values, with the small differences that real dyes have."""

import colorsys

import numpy as np

Colour = tuple[float, float, float]

COLOURS: dict[str, str] = {
    'black': '#23242a', 'charcoal': '#474a52', 'grey': '#8f949c', 'silver': '#c5c9ce', 'white': '#f6f5f1',
    'ivory': '#ede3ce', 'sand': '#d5bf9a', 'camel': '#b98a52', 'brown': '#7a4e2f', 'chocolate': '#4a2d22',
    'burgundy': '#6e1c30', 'red': '#c2272d', 'coral': '#ee6f5a', 'orange': '#e8802b', 'mustard': '#d3a02c',
    'yellow': '#f2d14b', 'olive': '#6d7038', 'green': '#3e8e4d', 'forest': '#22513a', 'mint': '#a3d8bd',
    'teal': '#1e7b80', 'turquoise': '#3fb8b8', 'sky': '#92c4e6', 'blue': '#2f6fc1', 'navy': '#22305a',
    'lavender': '#b9a6d9', 'purple': '#6b3f94', 'magenta': '#c2337f', 'pink': '#f0a3b9', 'blush': '#efcfc6',
}  # fmt: skip
NEUTRALS = ('black', 'white', 'ivory', 'grey', 'charcoal', 'navy', 'sand')


def rgb(code: str) -> Colour:
    """Turn '#rrggbb' into three numbers between 0 and 1."""
    return int(code[1:3], 16) / 255, int(code[3:5], 16) / 255, int(code[5:7], 16) / 255


def dyed(name: str, rng: np.random.Generator) -> Colour:
    """Turn a colour's name into one of its shades: no two dye lots are the same."""
    hue, light, saturation = colorsys.rgb_to_hls(*rgb(COLOURS[name]))
    hue += rng.normal(0, 0.008)
    light = min(max(light + rng.normal(0, 0.022), 0.10), 0.965)
    return colorsys.hls_to_rgb(hue % 1, light, min(max(saturation * rng.normal(1, 0.07), 0), 1))


def shaded(colour: Colour, factor: float) -> Colour:
    """Turn a colour darker (factor below 1) or lighter (above 1)."""
    red, green, blue = (min(channel * factor, 1.0) for channel in colour)
    return red, green, blue


def luminance(colour: Colour) -> float:
    """Turn a colour into how bright it looks, between 0 and 1."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def differ(one: str, other: str) -> float:
    """Turn two colours' names into how far apart they look, between 0 and about 1.7."""
    return float(np.linalg.norm(np.subtract(rgb(COLOURS[one]), rgb(COLOURS[other]))))


def pick_colours(rng: np.random.Generator) -> tuple[str, str, str]:
    """Choose a main colour, one that stands out against it, and an accent."""
    names = list(COLOURS)
    main = str(rng.choice(names))
    pool = [name for name in (NEUTRALS if rng.random() < 0.45 else names) if differ(name, main) > 0.38]
    second = str(rng.choice(pool or ['white' if differ(main, 'white') > 0.5 else 'black']))
    pool = [name for name in names if min(differ(name, main), differ(name, second)) > 0.3]
    return main, second, str(rng.choice(pool))
