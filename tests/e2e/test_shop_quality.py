"""The quality that is promised: the right one of 1 000 garments is found with photos never seen before."""

import pytest

from shop.drawing import catalogue_picture, design
from shop.evaluation import embed, quality, sample, snapshots
from shop.features import ClassicalExtractor, NetworkExtractor
from shop.parallel import processes

ITEMS, PHOTOS = 1000, 150


def drawn(seed):
    return catalogue_picture(design(seed), 160)


@pytest.fixture(scope='module')
def catalogue():
    with processes() as pool:
        return list(pool.map(drawn, range(ITEMS), chunksize=20))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_recall_of_the_network_and_of_the_classical_descriptor(catalogue):
    seeds = sample(ITEMS, PHOTOS)
    photos = {conditions: list(snapshots(seeds, conditions)) for conditions in ('mild', 'hard')}

    def found(extractor):
        vectors = embed(extractor, catalogue)
        return {name: quality(embed(extractor, taken), vectors, seeds) for name, taken in photos.items()}

    network, classical = found(NetworkExtractor()), found(ClassicalExtractor())
    assert network['mild'].at_10 >= 0.95
    assert network['hard'].at_10 >= 0.72
    # the photos are not made easy: without a network that has learnt, most garments are not found
    assert classical['mild'].at_10 <= 0.6
    assert classical['hard'].at_10 <= 0.3
