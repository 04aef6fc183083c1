"""Garments: a seed always draws the same, every category shows something, photos change it."""

import numpy as np
import pytest

from shop.drawing import CATEGORIES, catalogue_picture, cutout, design
from shop.drawing.patterns import PATTERNS, Weave, shares
from shop.drawing.shapes import both_sides, mirrored, smooth
from shop.photos import CONDITIONS, homography, photograph

SIZE = 96


@pytest.mark.parametrize('category', CATEGORIES)
def test_every_category_fills_its_picture_and_stays_inside(category):
    for seed in range(12):
        alpha = np.asarray(cutout(design(seed, category), SIZE).getchannel('A'))
        assert 0.06 < (alpha > 128).mean() < 0.85
        border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert border.max() == 0


def test_the_same_seed_gives_the_same_picture():
    assert catalogue_picture(design(7), SIZE).tobytes() == catalogue_picture(design(7), SIZE).tobytes()


def test_other_seeds_give_other_garments():
    assert len({catalogue_picture(design(seed), 48).tobytes() for seed in range(40)}) == 40


def test_a_thousand_designs_are_varied_and_complete():
    designs = [design(seed) for seed in range(1000)]
    assert {each.category for each in designs} == set(CATEGORIES)
    assert {each.weave.kind for each in designs} == set(PATTERNS)
    assert len({each.title for each in designs}) > 900
    assert all(each.price > 0 and each.category in each.title for each in designs)


@pytest.mark.parametrize('kind', PATTERNS)
def test_patterns_give_shares_between_nothing_and_all(kind):
    y, x = np.mgrid[0:64, 0:64].astype(np.float32) / 64
    for seed in range(4):
        for share in shares(Weave(kind, 0.11, 0.3, 0.5, seed), x - 0.5, y, 0.2, 0.02):
            assert share.shape == x.shape
            assert share.min() >= 0
            assert share.max() <= 1.01


def test_outlines_pass_through_their_points_and_mirror():
    points = [(0.0, 0.1), (0.2, 0.1, 1), (0.3, 0.5), (0.0, 0.9)]
    outline = mirrored(points)
    for x, y, *_ in points:
        assert np.abs(outline - (x, y)).sum(1).min() < 1e-9
        assert np.abs(outline - (-x, y)).sum(1).min() < 1e-9
    assert len(smooth(points, closed=False)) == 31


def test_a_garment_has_the_same_parts_on_both_sides():
    part = design(3, 'coat').parts[2]
    right, left = both_sides(part)
    assert np.allclose(right.outline * (-1, 1), left.outline)


def test_a_homography_leads_corners_to_corners():
    source = np.array([(0, 0), (10, 1), (9, 12), (-1, 8)], float)
    target = np.array([(3, 3), (50, 0), (50, 50), (0, 40)], float)
    a, b, c, d, e, f, g, h = homography(source, target)
    for (x, y), (u, v) in zip(source, target, strict=True):
        scale = g * x + h * y + 1
        assert ((a * x + b * y + c) / scale, (d * x + e * y + f) / scale) == pytest.approx((u, v))


@pytest.mark.parametrize('conditions', CONDITIONS)
def test_photos_depend_on_their_seed_only(conditions):
    garment = cutout(design(5), SIZE)
    first, again, other = (
        photograph(garment, CONDITIONS[conditions], np.random.default_rng(seed), SIZE) for seed in (1, 1, 2)
    )
    assert first.size == (SIZE, SIZE)
    assert first.tobytes() == again.tobytes() != other.tobytes()


def test_hard_photos_are_further_from_the_catalogue_than_mild_ones():
    def distance(conditions):
        total = 0.0
        for seed in range(12):
            garment = cutout(design(seed), SIZE)
            photo = photograph(garment, CONDITIONS[conditions], np.random.default_rng(seed), SIZE)
            mask = np.asarray(garment.getchannel('A')) > 200
            difference = np.asarray(photo, float) - np.asarray(garment.convert('RGB'), float)
            total += np.abs(difference[mask]).mean()
        return total

    assert distance('hard') > distance('mild') * 1.3
