"""audio, video, mesh, text: what is written is read again, and damaged files are one clear error."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.documents.media import audio, mesh, text, video
from headrace.errors import DocumentError, TooLarge

TONE = np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000).astype(np.float32) * 0.5


@pytest.mark.parametrize('format', ['wav', 'flac'])
@pytest.mark.parametrize('channels', [1, 2])
def test_sound_goes_round(tmp_path, format, channels):
    samples = TONE if channels == 1 else np.stack([TONE, -TONE], axis=1)
    audio.save(samples, 8000, tmp_path / f'tone.{format}')
    back, rate = audio.decode(tmp_path / f'tone.{format}')
    assert (rate, back.dtype, back.shape) == (8000, np.float32, samples.shape)
    np.testing.assert_allclose(back, samples, atol=1 / 32768)


def test_sound_as_floats_is_lossless():
    sf = pytest.importorskip('soundfile')
    file = io.BytesIO()
    sf.write(file, TONE, 8000, format='WAV', subtype='FLOAT')
    np.testing.assert_array_equal(audio.decode(file.getvalue())[0], TONE)


def test_silence_of_no_length():
    back, _ = audio.decode(audio.encode(np.zeros((0, 2), dtype=np.float32), 8000))
    assert back.shape == (0, 2)


def test_sound_beyond_the_limit():
    with pytest.raises(TooLarge, match='max_samples=100'):
        audio.decode(audio.encode(TONE, 8000), max_samples=100)


@pytest.mark.parametrize('data', [b'', b'no sound at all', audio.encode(TONE, 8000)[:20]])
def test_damaged_sound(data):
    with pytest.raises(DocumentError, match='not readable sound'):
        audio.decode(data)


def test_sound_of_a_wrong_shape():
    with pytest.raises(DocumentError, match=r'not \(1, 2, 3\)'):
        audio.encode(np.zeros((1, 2, 3)), 8000)


def clip(n=12, height=32, width=48):
    """Return frames that grow brighter, so that order and content can be checked after a lossy codec."""
    return np.stack([np.full((height, width, 3), 20 * i, dtype=np.uint8) for i in range(n)])


def test_video_goes_round(tmp_path):
    video.save(clip(), tmp_path / 'clip.mp4', rate_hz=25)
    back = video.decode(tmp_path / 'clip.mp4')
    assert back.frames.shape == (12, 32, 48, 3)
    assert back.frames.dtype == np.uint8
    assert back.rate_hz == pytest.approx(25)
    assert back.keyframes[0] == 0
    assert np.abs(back.frames.astype(int) - clip()).max() < 12


def test_video_of_odd_sides_is_filled_up():
    assert video.decode(video.encode(clip(3, 31, 47))).frames.shape == (3, 32, 48, 3)


def test_video_parts():
    data = video.encode(clip(), g='4')
    assert len(video.decode(data, every=5).frames) == 3
    assert len(video.decode(data, max_frames=4).frames) == 4
    assert video.decode(data, size=(16, 24)).frames.shape == (12, 16, 24, 3)
    only_keys = video.decode(data, only_keyframes=True)
    assert only_keys.keyframes == list(range(len(only_keys.frames)))
    assert 1 <= len(only_keys.frames) < 12


def test_video_beyond_the_limit():
    with pytest.raises(TooLarge, match='max_tensor_bytes'):
        video.decode(video.encode(clip()), max_tensor_bytes=10_000)


@pytest.mark.parametrize('data', [b'', b'no video', video.encode(clip())[:100]])
def test_damaged_video(data):
    with pytest.raises(DocumentError, match='not readable video'):
        video.decode(data)


def test_sound_is_no_video():
    with pytest.raises(DocumentError, match='not readable video'):
        video.decode(audio.encode(TONE, 8000))


@pytest.mark.parametrize(
    'frames', [np.zeros((2, 4, 4)), np.zeros((0, 4, 4, 3), np.uint8), np.zeros((2, 4, 4, 3))]
)
def test_frames_of_a_wrong_type(frames):
    with pytest.raises(DocumentError, match='video frames are uint8'):
        video.encode(frames)


def test_unknown_codec():
    with pytest.raises(DocumentError, match="'nope'"):
        video.encode(clip(), codec='nope')


VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


@pytest.mark.parametrize('format', ['ply', 'obj', 'off', 'glb'])
def test_meshes_go_round(tmp_path, format):
    path = tmp_path / f'model.{format}'
    path.write_bytes(mesh.encode(VERTICES, FACES, format=format))
    vertices, faces = mesh.decode(path)
    np.testing.assert_allclose(vertices[faces], VERTICES[FACES], atol=1e-6)


def test_points_lie_on_the_surface():
    points = mesh.points(mesh.encode(VERTICES, FACES), 500, format='ply', seed=3)
    assert points.shape == (500, 3)
    on_a_face = np.isclose(points, 0, atol=1e-6).any(axis=1) | np.isclose(points.sum(axis=1), 1, atol=1e-6)
    assert on_a_face.all()
    np.testing.assert_array_equal(
        points, mesh.points(mesh.encode(VERTICES, FACES), 500, format='ply', seed=3)
    )
    assert mesh.sample(VERTICES, FACES, 7).shape == (7, 3)


@pytest.mark.parametrize('format', ['obj', 'ply', 'glb', '', 'nope'])
def test_damaged_meshes(format):
    with pytest.raises(DocumentError, match='not a readable 3D model'):
        mesh.decode(b'nothing of that kind', format=format)


@given(st.text(), st.sampled_from(['utf-8', 'utf-16']))
def test_text_goes_round(value, charset):
    assert text.decode(value.encode(charset, 'ignore'), charset=charset).lstrip('\ufeff') == value.encode(
        charset, 'ignore'
    ).decode(charset).lstrip('\ufeff')


def test_text_of_another_charset():
    with pytest.raises(DocumentError, match='byte 2 of 4 is not utf-8'):
        text.decode('Grün'.encode('latin-1'))
    assert text.decode('Grün'.encode('latin-1'), charset='latin-1') == 'Grün'
    with pytest.raises(DocumentError, match="'klingon'"):
        text.decode(b'x', charset='klingon')


def test_a_byte_order_mark_is_left_out():
    assert text.decode(b'\xef\xbb\xbfhi') == 'hi'


def test_words_to_numbers_and_back():
    vocab = text.vocabulary(['the cat', 'the dog ran'])
    assert vocab['the'] == 2
    numbers = text.to_tensor('The dog flew', vocab, max_length=5)
    assert numbers.tolist() == [2, vocab['dog'], text.UNKNOWN, 0, 0]
    assert text.from_tensor(numbers, vocab) == 'the dog <unknown>'
    assert text.to_tensor('the dog ran', vocab, max_length=2).tolist() == [2, vocab['dog']]
    assert text.vocabulary(['a b', 'a'], min_count=2) == {'a': 2}
