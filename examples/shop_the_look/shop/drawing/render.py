"""A design is turned into a picture: cloth, light, folds and shadows, then a studio around it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from shop.drawing.design import Design
from shop.drawing.palette import luminance, shaded
from shop.drawing.patterns import shares
from shop.drawing.prints import MOTIFS
from shop.drawing.scenes import studio
from shop.drawing.shapes import Button, Part, Path, Piece, Seam, ellipse

Picture = NDArray[np.float32]
SUPERSAMPLING = 3
SOLE, WOOD, SILVER, GOLD = (0.94, 0.93, 0.9), (0.56, 0.39, 0.25), (0.74, 0.75, 0.77), (0.80, 0.66, 0.38)


@dataclass(frozen=True, slots=True)
class Pose:
    """How the garment lies in its picture: turned, stretched and moved a little."""

    turn: float = 0.0
    scale: float = 0.9
    stretch: float = 1.0
    dx: float = 0.0
    dy: float = 0.0

    def fitted(self, parts: tuple[Part, ...], fill: float) -> 'Pose':
        """Give the pose that centres these parts and lets their longer side fill a share of the picture."""
        matrix = self.matrix()
        points = (np.concatenate([outline_of(part) for part in parts]) - (0, 0.5)) @ matrix.T
        low, high = points.min(0), points.max(0)
        factor = min(fill / float((high - low).max()), 1.3)
        dx, dy = (-(low + high) / 2 * factor).tolist()
        return Pose(self.turn, self.scale * factor, self.stretch, self.dx + dx, self.dy + dy)

    def matrix(self) -> NDArray[np.float64]:
        """Give the 2 x 2 matrix that turns the garment's directions into the picture's."""
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        return np.array([[cos, -sin], [sin, cos]]) @ np.diag([self.scale * self.stretch, self.scale])

    def place(self, path: Path) -> Path:
        """Turn the garment's coordinates into the picture's, both 0 to 1."""
        return (path - (0, 0.5)) @ self.matrix().T + (0.5 + self.dx, 0.5 + self.dy)

    def unplace(self, x: Picture, y: Picture) -> tuple[Picture, Picture]:
        """Turn the picture's coordinates into the garment's."""
        back = np.linalg.inv(self.matrix())
        x, y = x - (0.5 + self.dx), y - (0.5 + self.dy)
        return (back[0, 0] * x + back[0, 1] * y), (back[1, 0] * x + back[1, 1] * y + 0.5)


def outline_of(part: Part) -> Path:
    """Turn a part into the points that it reaches."""
    match part:
        case Piece():
            return part.outline
        case Seam():
            return part.line
        case Button():
            return np.array([(part.x, part.y)])


class Canvas:
    """A picture in the making, with its transparency; pieces are laid on it one over the other."""

    def __init__(self, design: Design, size: int, pose: Pose) -> None:
        self.design, self.size, self.pose = design, size, pose
        self.colour = np.zeros((size, size, 3), np.float32)
        self.alpha = np.zeros((size, size), np.float32)
        rng = np.random.default_rng([design.seed, 77])
        self.folds = fold_field(rng, size)
        self.metal = GOLD if rng.random() < 0.4 else SILVER

    def lay(self, part: Part) -> None:
        """Lay a piece, a seam or a button on the picture."""
        match part:
            case Piece():
                self._piece(part)
            case Seam():
                self._seam(part)
            case Button(x=x, y=y, radius=radius, fabric=fabric):
                self._piece(Piece(ellipse(x, y, radius, radius), fabric, relief=0.8, lift=0.6))

    def _piece(self, piece: Piece) -> None:
        mask, corner = self._mask(piece.outline)
        if mask is None:
            return
        window = (slice(corner[1], corner[1] + mask.height), slice(corner[0], corner[0] + mask.width))
        cover = np.asarray(mask, np.float32) / 255
        near = blurred(mask, self.size * 0.012)
        shadow = np.roll(blurred(mask, self.size * 0.014), max(1, self.size // 90), 0)
        self.colour[window] *= (1 - 0.42 * piece.lift * shadow * (1 - cover))[..., None]
        cloth = self._cloth(piece, window)
        lit = light(near, blurred(mask, self.size * 0.045), piece.relief, self.size)
        lit *= 1 + 0.07 * piece.relief * self.folds[window]
        shine = np.clip(lit - 1.04, 0, None) * self.design.gloss * 1.6
        cloth = np.clip(cloth * lit[..., None] + shine[..., None], 0, 1)
        self.colour[window] += (cloth - self.colour[window]) * cover[..., None]
        self.alpha[window] = np.maximum(self.alpha[window], cover)

    def _mask(self, outline: Path) -> tuple[Image.Image | None, tuple[int, int]]:
        """Turn an outline into its mask, cut to what is needed with its shadow, and where that lies."""
        points, room = self.pose.place(outline) * self.size, self.size * 0.06
        low = np.clip(np.floor(points.min(0) - room), 0, self.size).astype(int)
        high = np.clip(np.ceil(points.max(0) + room), 0, self.size).astype(int)
        width, height = int(high[0] - low[0]), int(high[1] - low[1])
        if width <= 0 or height <= 0:
            return None, (0, 0)
        mask = Image.new('L', (width * SUPERSAMPLING, height * SUPERSAMPLING))
        ImageDraw.Draw(mask).polygon([tuple(point) for point in (points - low) * SUPERSAMPLING], fill=255)
        return mask.reduce(SUPERSAMPLING), (int(low[0]), int(low[1]))

    def _cloth(self, piece: Piece, window: tuple[slice, slice]) -> Picture:
        """Turn a piece's fabric into the colours of each point of a window."""
        height, width = (part.stop - part.start for part in window)
        if piece.fabric != 'main':
            return np.broadcast_to(np.float32(self._plain(piece.fabric)), (height, width, 3))
        y, x = np.mgrid[window].astype(np.float32) / self.size
        x, y = self.pose.unplace(x, y)
        second, third = shares(self.design.weave, x, y, piece.grain, 1.3 / self.size / self.pose.scale)
        first_colour, second_colour, third_colour = (np.float32(colour) for colour in self.design.colours)
        cloth = first_colour + (second_colour - first_colour) * second[..., None]
        cloth = cloth + (third_colour - cloth) * third[..., None]
        return cloth.astype(np.float32)

    def _plain(self, fabric: str) -> tuple[float, float, float]:
        first, second, third = self.design.colours
        dark = shaded(first, 0.6) if luminance(first) > 0.2 else tuple(0.22 + 0.5 * c for c in first)
        table = {
            'plain': first,
            'second': second,
            'third': third,
            'dark': dark,
            'lining': shaded(first, 0.45),
        }
        return {**table, 'sole': SOLE, 'wood': WOOD, 'metal': self.metal}[fabric]

    def _seam(self, seam: Seam) -> None:
        soft = seam.fabric in ('seam', 'fold')
        mask = Image.new('L', (self.size * 2, self.size * 2))
        points = [tuple(point) for point in self.pose.place(seam.line) * self.size * 2]
        width = max(2, round(seam.width * self.pose.scale * self.size * 2))
        draw = ImageDraw.Draw(mask)
        if seam.dashed:
            for start in range(0, len(points) - 1, 2):
                draw.line(points[start : start + 2], 255, width)
        else:
            draw.line(points, 255, width, joint='curve')
        reduced = mask.reduce(2)
        cover = np.asarray(reduced, np.float32) / 255
        if seam.fabric == 'fold':
            cover = blurred(reduced, self.size * 0.012) * 0.75
        if soft:
            dark = luminance(self.design.colours[0]) < 0.2
            self.colour += (np.float32(0.5 if dark else 0.0) - self.colour) * (
                cover * (0.42 if not dark else 0.3)
            )[..., None]
            return
        shadow = np.roll(blurred(reduced, self.size * 0.008), max(1, self.size // 120), 0)
        self.colour *= (1 - 0.35 * shadow * (1 - cover))[..., None]
        round_light = 0.82 + 0.3 * blurred(reduced, self.size * 0.006)
        tone = np.clip(np.float32(self._plain(seam.fabric)) * round_light[..., None], 0, 1)
        self.colour += (tone - self.colour) * cover[..., None]
        self.alpha = np.maximum(self.alpha, cover)

    def print_motif(self, name: str) -> None:
        """Print a motif on the chest in the second colour."""
        low = self.design.category == 'bag'
        size = 0.1 + 0.05 * (self.design.seed % 3)
        self._piece(
            Piece(MOTIFS[name] * size * 0.8 + (0, 0.66 if low else 0.36), 'second', relief=0.05, lift=0)
        )

    def picture(self) -> Image.Image:
        """Give the picture as it is, RGBA."""
        rgba = np.dstack([self.colour, self.alpha])
        return Image.fromarray((np.clip(rgba, 0, 1) * 255 + 0.5).astype(np.uint8), 'RGBA')


def blurred(mask: Image.Image, radius: float) -> Picture:
    """Turn a mask into a soft one, as numbers between 0 and 1."""
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def light(near: Picture, far: Picture, relief: float, size: int) -> Picture:
    """Turn a soft mask into the light on a rounded piece: bright at the upper left, dark along the edges."""
    height = 0.5 * near + 0.5 * far
    down, right = np.gradient(height)
    slope = (0.75 * down + 0.6 * right) * size / 9
    edge = np.clip(near * 2 - 1, 0, 1)
    return (0.86 + 0.14 * edge) * (1 + 0.16 * relief * np.tanh(slope))


def fold_field(rng: np.random.Generator, size: int) -> Picture:
    """Turn random numbers into soft, mostly vertical folds, between about -1 and 1."""
    coarse = rng.normal(size=(5, 13)).astype(np.float32)
    picture = Image.fromarray(coarse, 'F').resize((size, size), Image.Resampling.BICUBIC)
    return np.tanh(np.asarray(picture))


def cutout(design: Design, size: int = 320, pose: Pose | None = None) -> Image.Image:
    """Turn a design into its garment alone on a transparent ground, RGBA, `size` pixels square."""
    canvas = Canvas(design, size, pose or Pose().fitted(design.parts, 0.9))
    for part in design.parts:
        canvas.lay(part)
        if design.motif and isinstance(part, Piece) and part.motif:
            canvas.print_motif(design.motif)
    return canvas.picture()


def catalogue_picture(design: Design, size: int = 320) -> Image.Image:
    """Turn a design into the picture a shop would show: a studio, a slight pose, a soft shadow; RGB."""
    rng = np.random.default_rng([design.seed, 5])
    lying = Pose(rng.normal(0, 0.05), 1.0, rng.uniform(0.97, 1.03), rng.normal(0, 0.01), rng.normal(0, 0.008))
    pose = lying.fitted(design.parts, rng.uniform(0.76, 0.85))
    garment = cutout(design, size, pose)
    scene = studio(rng, size, design.colours[0])
    shadow = garment.getchannel('A').filter(ImageFilter.GaussianBlur(size * 0.025))
    shift = (int(size * 0.012), int(size * 0.022))
    scene.paste((70, 66, 70), shift, shadow.point(lambda value: int(value * 0.34)))
    scene.paste(garment, (0, 0), garment)
    return scene
