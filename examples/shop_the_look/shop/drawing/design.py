"""A seed is turned into a design: what a garment is, its colours, its cloth, its price and how it is cut."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from shop.drawing import accessories, bottoms, outerwear, shoes, tops
from shop.drawing.palette import Colour, dyed, pick_colours
from shop.drawing.patterns import Weave, choose
from shop.drawing.prints import MOTIFS
from shop.drawing.shapes import Part

Cut = Callable[[np.random.Generator], list[Part]]

CATEGORIES: dict[
    str, tuple[Cut, tuple[str, ...], float]
] = {  # how it is cut, what it is made of, its usual price
    'dress': (outerwear.dress, ('cotton', 'linen', 'silk', 'jersey', 'viscose'), 79),
    'shirt': (tops.shirt, ('cotton', 'linen', 'flannel', 'poplin', 'denim'), 49),
    't-shirt': (tops.t_shirt, ('cotton', 'jersey', 'organic cotton'), 24),
    'sweater': (tops.sweater, ('wool', 'merino', 'cashmere', 'cotton'), 69),
    'jacket': (outerwear.jacket, ('denim', 'nylon', 'leather', 'wool', 'tweed'), 119),
    'coat': (outerwear.coat, ('wool', 'cashmere', 'gabardine', 'tweed'), 189),
    'trousers': (bottoms.trousers, ('denim', 'chino', 'linen', 'wool', 'corduroy'), 65),
    'shorts': (bottoms.shorts, ('denim', 'chino', 'linen', 'jersey'), 39),
    'skirt': (bottoms.skirt, ('cotton', 'denim', 'silk', 'wool', 'satin'), 55),
    'sneaker': (shoes.sneaker, ('canvas', 'leather', 'suede', 'mesh'), 89),
    'boot': (shoes.boot, ('leather', 'suede', 'rubber'), 139),
    'bag': (accessories.bag, ('leather', 'canvas', 'nylon', 'suede'), 95),
    'hat': (accessories.hat, ('straw', 'felt', 'wool', 'cotton'), 32),
}
PLAINNESS = {
    'boot': 0.6,
    'sneaker': 0.45,
    'bag': 0.4,
    'coat': 0.4,
    'jacket': 0.4,
    'trousers': 0.4,
    'hat': 0.35,
}
GLOSS = {'leather': 1.0, 'rubber': 1.0, 'silk': 0.7, 'satin': 0.9, 'nylon': 0.6}
PRICE_OF_CLOTH = {'cashmere': 1.7, 'silk': 1.5, 'leather': 1.45, 'merino': 1.2, 'suede': 1.2, 'nylon': 0.85}


@dataclass(frozen=True, slots=True)
class Design:
    """Everything that is to know about a garment; the same seed always gives the same one."""

    seed: int
    category: str
    material: str
    colour_names: tuple[str, str, str]
    colours: tuple[Colour, Colour, Colour]
    weave: Weave
    motif: str | None
    parts: tuple[Part, ...] = field(repr=False)
    price: float
    gloss: float

    @property
    def title(self) -> str:
        """Say in a few words what it is, as a shop would."""
        first, second, _ = self.colour_names
        if self.motif:
            words = f'{first} {self.material} {self.category} with a {second} {self.motif}'
        elif self.weave.kind == 'plain':
            words = f'{first} {self.material} {self.category}'
        else:
            words = f'{self.weave.kind} {self.material} {self.category} in {first} and {second}'
        return words[0].upper() + words[1:]


def design(seed: int, category: str | None = None) -> Design:
    """Turn a seed into a design; `category` is drawn by lot unless given."""
    rng = np.random.default_rng([seed, 20_26])
    kinds = list(CATEGORIES)
    drawn = kinds[int(rng.integers(len(kinds)))]
    category = category or drawn
    cut, materials, usual = CATEGORIES[category]
    names = pick_colours(rng)
    weave = choose(rng, PLAINNESS.get(category, 0.25))
    motif = None
    if category in ('t-shirt', 'sweater', 'bag') and rng.random() < 0.3:
        motif, weave = str(rng.choice(list(MOTIFS))), Weave('plain', 1, 0, 0, weave.seed)
    material = str(rng.choice(materials))
    price = usual * PRICE_OF_CLOTH.get(material, 1.0) * float(np.exp(rng.normal(0, 0.28)))
    first, second, third = (dyed(name, rng) for name in names)
    parts = tuple(cut(rng))
    return Design(
        seed=seed,
        category=category,
        material=material,
        colour_names=names,
        colours=(first, second, third),
        weave=weave,
        motif=motif,
        parts=parts,
        price=round(price) - 0.05,
        gloss=GLOSS.get(material, 0.15),
    )
