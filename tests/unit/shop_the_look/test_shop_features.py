"""Extractors: pictures of any kind become squares, squares become vectors of length 1."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from shop.evaluation import places, quality, sample
from shop.features import ClassicalExtractor, NetworkExtractor, squared
from shop.features.classical import CODES, to_lab


@pytest.fixture(scope='module')
def network():
    return NetworkExtractor(threads=1)


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'L', 'LA', 'P', 'CMYK', '1', 'I;16'])
@pytest.mark.parametrize('size', [(64, 64), (300, 20), (1, 90), (112, 111)])
def test_pictures_of_any_mode_and_shape_become_squares(mode, size):
    pixels = squared(Image.new(mode, size), 112)
    assert pixels.shape == (112, 112, 3)
    assert pixels.dtype == np.uint8


def test_padding_has_the_colour_of_the_border():
    picture = Image.new('RGB', (100, 50), (10, 200, 30))
    picture.paste((255, 0, 0), (40, 20, 60, 30))
    assert squared(picture, 64)[0, 0].tolist() == [10, 200, 30]


def test_transparent_pictures_lie_on_paper():
    assert squared(Image.new('RGBA', (8, 8), (255, 0, 0, 0)), 8)[4, 4].tolist() == [245, 245, 245]


def test_photos_of_phones_are_turned_upright(tmp_path):
    picture = Image.new('RGB', (40, 40))
    picture.paste((255, 255, 255), (0, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    picture.save(tmp_path / 'a.png', exif=exif)
    with Image.open(tmp_path / 'a.png') as stored:
        assert squared(stored, 40)[35, 20].tolist() == [255, 255, 255]


def test_the_network_gives_unit_vectors_whatever_the_batch(network):
    pictures = np.random.default_rng(0).integers(0, 255, (70, network.side, network.side, 3), np.uint8)
    vectors = network(pictures)
    assert vectors.shape == (70, network.size)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert np.allclose(network(pictures[3:4])[0], vectors[3], atol=1e-4)
    assert network(pictures[:0]).shape == (0, network.size)


def test_a_missing_network_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'train\.py'):
        NetworkExtractor(tmp_path / 'none.onnx')


def test_the_classical_descriptor_gives_unit_vectors():
    pictures = np.random.default_rng(0).integers(0, 255, (3, 128, 128, 3), np.uint8)
    vectors = ClassicalExtractor()(pictures)
    assert vectors.shape == (3, 1392)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.isfinite(ClassicalExtractor()(np.zeros((1, 128, 128, 3), np.uint8))).all()


def test_lab_of_known_colours():
    lab = to_lab(np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0]]], np.uint8))
    assert lab[0] == pytest.approx(np.array([[100, 0, 0], [0, 0, 0], [53.2, 80.1, 67.2]]), abs=0.3)


def test_there_are_59_kinds_of_binary_patterns():
    assert sorted(set(CODES.tolist())) == list(range(59))


def test_places_and_quality():
    catalogue = np.eye(20, dtype=np.float32)
    queries = catalogue[[3, 4]] + 0.5 * catalogue[[3, 9]]
    assert places(queries, catalogue, [3, 9]).tolist() == [0, 1]
    found = quality(queries, catalogue, [3, 9])
    assert (found.at_1, found.at_10, found.photos) == (0.5, 1.0, 2)
    assert sample(50, 10) == sample(50, 10)
    assert len(set(sample(50, 100))) == 50


def test_the_network_runs_without_telemetry(tmp_path):
    folder = str(tmp_path)
    program = 'import shop.features.network as n; n.NetworkExtractor(threads=1)'
    done = subprocess.run(
        [sys.executable, '-c', program],
        env=os.environ | {'PYTHONPATH': os.pathsep.join(sys.path), 'TMPDIR': folder, 'HOME': folder},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
