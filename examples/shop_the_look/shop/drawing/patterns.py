"""Places on a piece of cloth are turned into shares of its second and third colour: stripes, checks...

Each pattern is a function of the cloth's coordinates (u across, v down, one repeat being 1) and a `Weave`.
It returns the share of the second colour and the share of the third, between 0 and 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Shares = tuple[Field, Field]


@dataclass(frozen=True, slots=True)
class Weave:
    """The choices that make two cloths of one pattern differ."""

    kind: str
    repeat: float  # the size of one repeat, in the garment's units
    angle: float
    share: float  # how much of the cloth the second colour takes, between 0 and 1
    seed: int
    soft: float = 0.03  # the width of an edge, in repeats


def step(value: Field, edge: float | Field, soft: float) -> Field:
    """Turn a value into 0 below the edge and 1 above it, with a soft change between."""
    return np.clip((value - edge) / soft + 0.5, 0, 1).astype(np.float32)


def noise(column: NDArray[np.int64], row: NDArray[np.int64], seed: int) -> Field:
    """Turn the numbers of a cell into a random number between 0 and 1 that is always the same."""
    mixed = (column * 374761393 + row * 668265263 + seed * 982451653) & 0x7FFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 1274126177) & 0x7FFFFFFF
    return ((mixed ^ (mixed >> 16)) & 0xFFFF).astype(np.float32) / 65535


def cells(u: Field, v: Field, seed: int, wander: float) -> tuple[Field, Field, Field]:
    """Turn places into (x, y) from the middle of their cell (middles wander), and a random number each."""
    row = np.floor(v).astype(np.int64)
    shifted = u + 0.5 * (row % 2)
    column = np.floor(shifted).astype(np.int64)
    x = shifted - column - 0.5 - wander * (noise(column, row, seed) - 0.5)
    y = v - row - 0.5 - wander * (noise(column, row, seed + 7) - 0.5)
    return x, y, noise(column, row, seed + 13)


def nothing(like: Field) -> Field:
    """Turn a field into one of zeros."""
    return np.zeros_like(like)


def plain(u: Field, v: Field, weave: Weave) -> Shares:
    """One colour."""
    return nothing(u), nothing(u)


def stripes(u: Field, v: Field, weave: Weave) -> Shares:
    """Bands along v; every few bands an accent where the share is large."""
    wave = np.abs((v % 1) - 0.5) * 2
    second = step(wave, 1 - weave.share, weave.soft * 2)
    accent = step(1 - wave, 0.9, weave.soft * 2) * (np.floor(v) % 2 == 0) * (weave.seed % 3 == 0)
    return second, accent.astype(np.float32)


def checks(u: Field, v: Field, weave: Weave) -> Shares:
    """Gingham: two crossing bands, darker where they meet."""
    across = step(np.abs((u % 1) - 0.5) * 2, 1 - weave.share, weave.soft * 2)
    down = step(np.abs((v % 1) - 0.5) * 2, 1 - weave.share, weave.soft * 2)
    return (across + down) / 2, nothing(u)


def tartan(u: Field, v: Field, weave: Weave) -> Shares:
    """Broad bands of the second colour and thin lines of the third, both ways."""
    wide_u, wide_v = np.abs((u % 1) - 0.5) * 2, np.abs((v % 1) - 0.5) * 2
    second = (step(wide_u, 0.55, 0.06) + step(wide_v, 0.55, 0.06)) / 2
    thin = step(0.09 - np.abs(wide_u - 0.25), 0, 0.05) + step(0.09 - np.abs(wide_v - 0.25), 0, 0.05)
    return second * (0.5 + weave.share), np.clip(thin, 0, 1) * 0.8


def dots(u: Field, v: Field, weave: Weave) -> Shares:
    """Dots in rows, some of them in the third colour."""
    x, y, chance = cells(u, v, weave.seed, 0.0 if weave.seed % 2 else 0.5)
    inside = step(0.16 + 0.26 * weave.share - np.hypot(x, y), 0, weave.soft * 1.5)
    third = (chance > 0.7) * (weave.seed % 3 == 0)
    return inside * (1 - third), inside * third


def flowers(u: Field, v: Field, weave: Weave) -> Shares:
    """Scattered blossoms with petals and a heart."""
    x, y, chance = cells(u, v, weave.seed, 0.35)
    radius, angle = np.hypot(x, y), np.arctan2(y, x) + chance * 6.28
    petals = 3 + weave.seed % 4
    edge = (
        (0.2 + 0.22 * weave.share) * (0.62 + 0.38 * np.abs(np.cos(angle * petals / 2))) * (0.7 + 0.4 * chance)
    )
    heart = step(0.08 - radius, 0, weave.soft * 1.5)
    return step(edge - radius, 0, weave.soft * 1.5) * (1 - heart), heart


def leaves(u: Field, v: Field, weave: Weave) -> Shares:
    """Scattered leaves, each lying its own way."""
    x, y, chance = cells(u, v, weave.seed, 0.4)
    turn = chance * 6.28
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    width = 0.17 * np.clip(1 - (along / 0.42) ** 2, 0, 1) * (0.6 + weave.share)
    leaf = step(width - np.abs(across), 0, weave.soft * 1.5)
    rib = step(0.018 - np.abs(across), 0, 0.02) * leaf
    third = (chance > 0.55).astype(np.float32)
    return leaf * (1 - third) * (1 - rib), leaf * third * (1 - rib)


def spots(u: Field, v: Field, weave: Weave) -> Shares:
    """Leopard: broken rings around a darker heart."""
    x, y, chance = cells(u, v, weave.seed, 0.5)
    angle = np.arctan2(y, x) + chance * 6.28
    radius = np.hypot(x, y * 1.15) * (1 + 0.22 * np.cos(3 * angle))
    ring = step(0.09 - np.abs(radius - 0.27), 0, 0.05) * (np.cos(angle) > -0.7)
    return ring.astype(np.float32), step(0.2 - radius, 0, 0.05) * 0.5


def zigzag(u: Field, v: Field, weave: Weave) -> Shares:
    """Chevrons."""
    wave = (v + np.abs((u % 1) - 0.5)) % 1
    return step(np.abs(wave - 0.5) * 2, 1 - weave.share, weave.soft * 2), nothing(u)


def argyle(u: Field, v: Field, weave: Weave) -> Shares:
    """Diamonds with crossing lines."""
    diamond = np.abs((u % 1) - 0.5) + np.abs((v % 1) - 0.5)
    lines = np.minimum(np.abs(((u + v) % 1) - 0.5), np.abs(((u - v) % 1) - 0.5))
    third = step(0.025 - lines, 0, 0.03)
    return step(0.42 - diamond, 0, weave.soft * 1.5) * (1 - third), third


def blots(u: Field, v: Field, weave: Weave) -> Shares:
    """Camouflage: soft blots of both other colours."""
    phase = (weave.seed % 97) / 5
    one = np.sin(u * 4.1 + phase) * np.cos(v * 3.3 - phase) + 0.6 * np.sin(u * 2.2 - v * 5.1 + phase * 2)
    two = np.cos(u * 3.4 - phase * 3) * np.sin(v * 4.2 + phase) + 0.6 * np.cos(u * 5.3 + v * 2.1)
    third = step(two, 0.45, 0.12)
    return step(one, 0.35 - 0.5 * weave.share, 0.12) * (1 - third), third


def fade(u: Field, v: Field, weave: Weave) -> Shares:
    """A gradient from the first colour to the second, down the garment."""
    return np.clip((v * weave.repeat - 0.25) * 1.6, 0, 1).astype(np.float32), nothing(u)


def blocks(u: Field, v: Field, weave: Weave) -> Shares:
    """Two or three broad fields of colour."""
    height = v * weave.repeat
    first = 0.25 + 0.3 * weave.share
    third = step(height, first + 0.22, 0.006) * (weave.seed % 2)
    return step(height, first, 0.006) * (1 - third), third.astype(np.float32)


PATTERNS: dict[str, Callable[[Field, Field, Weave], Shares]] = {
    'plain': plain, 'striped': stripes, 'pinstriped': stripes, 'diagonal-striped': stripes, 'checked': checks,
    'tartan': tartan, 'polka-dot': dots, 'floral': flowers, 'leaf-print': leaves, 'leopard': spots,
    'zigzag': zigzag, 'argyle': argyle, 'camouflage': blots, 'ombré': fade, 'colour-block': blocks,
}  # fmt: skip


def choose(rng: np.random.Generator, plainness: float) -> Weave:
    """Draw numbers for a pattern; `plainness` is the chance that it is plain."""
    others = [kind for kind in PATTERNS if kind != 'plain']
    kind = 'plain' if rng.random() < plainness else str(rng.choice(others))
    angle = {'pinstriped': np.pi / 2, 'diagonal-striped': float(rng.choice([-0.8, -0.6, 0.6, 0.8]))}.get(
        kind, 0.0
    )
    if kind in ('checked', 'tartan') and rng.random() < 0.25:
        angle = np.pi / 4
    repeat = float(np.exp(rng.uniform(np.log(0.055), np.log(0.17))))
    repeat *= {'pinstriped': 0.6, 'tartan': 1.5, 'camouflage': 0.8, 'argyle': 1.2, 'leopard': 0.62}.get(
        kind, 1.0
    )
    share = float(rng.uniform(0.12, 0.3) if kind == 'pinstriped' else rng.uniform(0.3, 0.7))
    return Weave(kind, repeat, float(angle), share, int(rng.integers(1 << 20)))


def shares(weave: Weave, x: Field, y: Field, grain: float, pixel: float) -> Shares:
    """Turn places on a garment into the shares of its colours; edges are as soft as one `pixel`."""
    turn = weave.angle + grain
    u = (x * np.cos(turn) + y * np.sin(turn)) / weave.repeat
    v = (y * np.cos(turn) - x * np.sin(turn)) / weave.repeat
    fitted = Weave(weave.kind, weave.repeat, turn, weave.share, weave.seed, max(pixel / weave.repeat, 0.01))
    return PATTERNS[weave.kind](u.astype(np.float32), v.astype(np.float32), fitted)
