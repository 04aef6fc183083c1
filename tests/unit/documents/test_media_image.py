"""image and pixels: what is decoded, resized and written keeps its pixels, shape and dtype."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headrace.documents.media import image, pixels
from headrace.errors import DocumentError, TooLarge

pil = pytest.importorskip('PIL.Image')

IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3, 4])))


def gradient(height=12, width=16):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 20, columns * 15, rows + columns], axis=-1).astype(np.uint8)


@given(IMAGES, st.sampled_from(['png', 'tiff', 'bmp']))
@settings(deadline=None, max_examples=50)
def test_lossless_formats_go_round(array, format):
    if format == 'bmp' and array.shape[2] == 4:
        array = array[:, :, :3]
    mode = {1: 'L', 3: 'RGB', 4: 'RGBA'}[array.shape[2]]
    back = image.decode(image.encode(array, format=format), mode=mode)
    np.testing.assert_array_equal(back, array[:, :, 0] if mode == 'L' else array)


@given(hnp.arrays(np.uint8, st.tuples(st.just(3), st.integers(1, 9), st.integers(1, 9))))
@settings(deadline=None, max_examples=30)
def test_channels_first_goes_round(array):
    back = image.decode(image.encode(array, channel_axis=0), channel_axis=0)
    np.testing.assert_array_equal(back, array)
    assert back.flags.c_contiguous


def test_floats_are_zero_to_one():
    array = np.array([[0.0, 0.5, 1.0]], dtype=np.float32)
    np.testing.assert_array_equal(image.decode(image.encode(array), mode='L'), [[0, 128, 255]])


@pytest.mark.parametrize('array', [np.array([[0.0, 213.0]]), np.array([[-1.5, 0.5]]), np.array([[0, 300]])])
def test_values_out_of_range_are_refused(array):
    with pytest.raises(DocumentError, match='has values in'):
        image.encode(array)


@pytest.mark.parametrize('shape', [(3,), (2, 2, 5), (0, 4, 3), (1, 2, 2, 3)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(DocumentError, match='is not an image'):
        image.encode(np.zeros(shape, dtype=np.uint8))


def test_width_and_height():
    data = image.encode(gradient())
    assert image.decode(data, width=5, height=7).shape == (7, 5, 3)
    assert image.decode(data, width=5).shape == (12, 5, 3)


def test_orientation_is_applied():
    file = io.BytesIO()
    exif = pil.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 270 degrees
    pil.fromarray(gradient()).save(file, 'PNG', exif=exif)
    np.testing.assert_array_equal(image.decode(file.getvalue()), np.rot90(gradient(), 3))


def test_sixteen_bits_are_scaled_and_not_cut_off():
    file = io.BytesIO()
    pil.fromarray(np.array([[0, 0x80FF, 0xFFFF]], dtype=np.uint16)).save(file, 'PNG')
    np.testing.assert_array_equal(image.decode(file.getvalue())[:, :, 0], [[0, 0x80, 255]])


def test_jpeg_of_a_transparent_image_is_on_white():
    clear = np.zeros((8, 8, 4), dtype=np.uint8)
    assert image.decode(image.encode(clear, format='jpg')).min() == 255


@pytest.mark.parametrize(
    'data', [b'', b'not an image', image.encode(gradient())[:-30], b'GIF89a' + b'\xff' * 40]
)
def test_damaged_images_are_a_document_error(data):
    with pytest.raises(DocumentError, match='the data is not a readable image'):
        image.decode(data)


def test_an_unknown_format_is_told_without_an_address_in_memory():
    with pytest.raises(DocumentError, match='is not a readable image: its format is unknown') as caught:
        image.decode(b'not an image')
    assert '0x' not in str(caught.value)


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_flipped_bytes_never_raise_anything_else(data):
    encoded = bytearray(
        image.encode(gradient(), format=data.draw(st.sampled_from(['png', 'gif', 'tiff', 'webp'])))
    )
    for _ in range(3):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        image.decode(bytes(encoded), max_pixels=100_000)
    except (DocumentError, TooLarge):
        pass


def bomb(width, height):
    def chunk(kind, body):
        return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))

    head = struct.pack('>IIBBBBB', width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b'\0' * 1000)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', rows) + chunk(b'IEND', b'')


@pytest.mark.parametrize('size', [(100_000, 100_000), (10_000, 9_000), (11, 10)])
def test_decompression_bombs_are_refused(size):
    with pytest.raises(TooLarge, match='pixels'):
        image.decode(bomb(*size), max_pixels=100)


def test_a_huge_resize_is_refused():
    with pytest.raises(TooLarge):
        image.decode(image.encode(gradient()), width=10**6, height=10**6)
    with pytest.raises(TooLarge):
        pixels.resize(gradient(), (10**6, 10**6))


@pytest.mark.parametrize('dtype', [np.uint8, np.float32, np.float64, np.int32])
@pytest.mark.parametrize('axis', [-1, 0])
def test_resize_keeps_dtype_and_axis(dtype, axis):
    array = np.moveaxis(gradient().astype(dtype), -1, axis)
    small = pixels.resize(array, (6, 8), channel_axis=axis)
    assert small.dtype == dtype
    assert np.moveaxis(small, axis, -1).shape == (6, 8, 3)
    same = pixels.resize(array, (12, 16), channel_axis=axis)
    np.testing.assert_array_equal(same, array)


def test_resize_of_a_grey_image():
    assert pixels.resize(gradient()[:, :, 0], (3, 4)).shape == (3, 4)


@given(hnp.arrays(np.uint8, (4, 5, 3)), st.sampled_from([-1, 0]))
def test_normalising_goes_round(array, axis):
    array = np.moveaxis(array, -1, axis)
    normal = pixels.normalize(array, channel_axis=axis)
    assert normal.dtype == np.float32
    np.testing.assert_array_equal(pixels.denormalize(normal, channel_axis=axis), array)


def test_normalising_needs_a_value_per_channel():
    with pytest.raises(DocumentError, match='no 3 channels on axis 0'):
        pixels.normalize(gradient(), channel_axis=0)


def test_windows_are_cut_where_they_say():
    cut, corners = pixels.windows(gradient(), (4, 5), strides=(3, 5))
    assert cut.shape == (len(corners), 4, 5, 3)
    for window, (x, y) in zip(cut, corners, strict=True):
        np.testing.assert_array_equal(window, gradient()[y : y + 4, x : x + 5])
    assert corners == [(0, 0), (5, 0), (10, 0), (0, 3), (5, 3), (10, 3), (0, 6), (5, 6), (10, 6)]


def test_windows_larger_than_the_image():
    with pytest.raises(DocumentError, match='do not fit'):
        pixels.windows(gradient(), (100, 100))


@pytest.mark.parametrize('source', ['array', 'bytes', 'path', 'grey', 'palette'])
def test_thumbnails(tmp_path, source):
    array = gradient(200, 100)
    path = tmp_path / 'a.gif'
    pil.fromarray(array).convert('P').save(path)
    sources = {
        'array': array,
        'bytes': image.encode(array),
        'path': path,
        'grey': image.encode(array[:, :, 0]),
        'palette': path.read_bytes(),
    }
    assert image.decode(image.thumbnail(sources[source], max_side=50)).shape == (50, 25, 3)


@pytest.mark.parametrize('name', ['a.png', 'a.jpg', 'a.webp', 'a'])
def test_save_writes_the_format_of_the_ending(tmp_path, name):
    image.save(gradient(), tmp_path / name)
    expected = {'a.png': 'PNG', 'a.jpg': 'JPEG', 'a.webp': 'WEBP', 'a': 'PNG'}[name]
    with pil.open(tmp_path / name) as written:
        assert (written.format, written.size) == (expected, (16, 12))


def test_save_to_an_open_file():
    file = io.BytesIO()
    image.save(gradient(), file)
    np.testing.assert_array_equal(image.decode(file.getvalue()), gradient())


def test_unknown_format():
    with pytest.raises(DocumentError, match="written as 'nope'"):
        image.encode(gradient(), format='nope')
