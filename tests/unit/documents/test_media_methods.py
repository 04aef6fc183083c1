"""Media methods of Document: content moves between uri, blob, text and tensor, and comes back."""

import io

import numpy as np
import pytest

from headrace.documents import Document
from headrace.documents.media import audio, image, mesh, video
from headrace.errors import DocumentError, TooLarge

IMAGE = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)


@pytest.fixture
def picture(tmp_path):
    image.save(IMAGE, tmp_path / 'a.png')
    return str(tmp_path / 'a.png')


def test_blobs_and_text(tmp_path):
    (tmp_path / 'a.txt').write_bytes('grün'.encode())
    doc = Document(uri=str(tmp_path / 'a.txt'))
    assert doc.load_uri_to_blob() is doc
    assert (doc.blob, doc.mime_type) == ('grün'.encode(), 'text/plain')
    assert doc.load_uri_to_text().text == 'grün'
    doc.save_blob_to_file(tmp_path / 'b')
    doc.save_uri_to_file(tmp_path / 'c')
    assert (tmp_path / 'b').read_bytes() == (tmp_path / 'c').read_bytes() == doc.blob
    with pytest.raises(TooLarge):
        doc.load_uri_to_blob(max_bytes=2)


@pytest.mark.parametrize('source', ['uri', 'blob', 'text', 'content'])
def test_data_uris(picture, source):
    doc = Document(text='grün & weiß') if source == 'text' else Document(uri=picture)
    expected = 'grün & weiß'.encode() if source == 'text' else doc.load_uri_to_blob().blob
    if source == 'uri':
        doc.blob = b''
    getattr(doc, f'convert_{source}_to_datauri')()
    assert doc.uri.startswith('data:text/plain' if source == 'text' else 'data:image/png;base64,')
    assert Document(uri=doc.uri).load_uri_to_blob().blob == expected


def test_images(picture, tmp_path):
    doc = Document(uri=picture).load_uri_to_image_tensor()
    np.testing.assert_array_equal(doc.tensor, IMAGE)
    assert doc.mime_type == 'image/png'
    back = Document(blob=doc.convert_image_tensor_to_blob().blob).convert_blob_to_image_tensor()
    np.testing.assert_array_equal(back.tensor, IMAGE)
    back = Document(uri=doc.convert_image_tensor_to_uri().uri).load_uri_to_image_tensor(channel_axis=0)
    np.testing.assert_array_equal(back.tensor, np.moveaxis(IMAGE, -1, 0))
    back.save_image_tensor_to_file(tmp_path / 'b.png', channel_axis=0)
    np.testing.assert_array_equal(image.decode(tmp_path / 'b.png'), IMAGE)
    file = io.BytesIO()
    doc.save_image_tensor_to_file(file, image_format='jpeg')
    assert file.getvalue().startswith(b'\xff\xd8')


def test_a_chain_of_image_methods(picture):
    doc = (
        Document(uri=picture)
        .load_uri_to_image_tensor(width=20, height=10)
        .set_image_tensor_shape((4, 6))
        .set_image_tensor_normalization()
        .set_image_tensor_channel_axis(-1, 0)
    )
    assert (doc.tensor.shape, doc.tensor.dtype) == ((3, 4, 6), np.float32)
    doc.set_image_tensor_inv_normalization(channel_axis=0).set_image_tensor_resample(0.5, channel_axis=0)
    assert (doc.tensor.shape, doc.tensor.dtype) == ((3, 2, 3), np.uint8)


def test_sliding_windows():
    doc = Document(tensor=IMAGE).convert_image_tensor_to_sliding_windows((4, 4), as_chunks=True)
    assert doc.tensor.shape == (8, 12, 3)
    assert [chunk.location for chunk in doc.chunks] == [[x, y] for y in (0, 4) for x in (0, 4, 8)]
    np.testing.assert_array_equal(doc.chunks[5].tensor, IMAGE[4:8, 8:12])
    assert doc.chunks[0].parent_id == doc.id
    assert doc.convert_image_tensor_to_sliding_windows((4, 4)).tensor.shape == (6, 4, 4, 3)


def test_plain_tensors_and_text():
    doc = Document(tensor=np.arange(4, dtype='i4')).convert_tensor_to_blob()
    np.testing.assert_array_equal(doc.convert_blob_to_tensor('i4').tensor, [0, 1, 2, 3])
    with pytest.raises(DocumentError, match='is no array of f8'):
        Document(blob=b'123').convert_blob_to_tensor('f8')
    doc = Document('a cat').convert_text_to_tensor({'a': 2, 'cat': 3}, max_length=3)
    assert doc.tensor.tolist() == [2, 3, 0]
    assert Document(tensor=doc.tensor).convert_tensor_to_text({'a': 2, 'cat': 3}).text == 'a cat'


def test_sound(tmp_path):
    samples = np.linspace(-0.5, 0.5, 400, dtype='f4')
    audio.save(samples, 8000, tmp_path / 'a.wav')
    doc = Document(uri=str(tmp_path / 'a.wav')).load_uri_to_audio_tensor()
    assert doc.tags['sample_rate'] == 8000
    np.testing.assert_allclose(doc.tensor, samples, atol=1e-4)
    doc.save_audio_tensor_to_file(tmp_path / 'b.flac')
    again = Document(blob=(tmp_path / 'b.flac').read_bytes()).convert_blob_to_audio_tensor()
    assert again.tags['sample_rate'] == 8000
    np.testing.assert_array_equal(again.tensor, doc.tensor)


def test_video(tmp_path):
    video.save(np.zeros((5, 16, 32, 3), np.uint8), tmp_path / 'a.mp4', rate_hz=10)
    doc = Document(uri=str(tmp_path / 'a.mp4')).load_uri_to_video_tensor()
    assert doc.tensor.shape == (5, 16, 32, 3)
    assert (doc.tags['keyframe_indices'], doc.tags['frame_rate']) == ([0], 10)
    doc.save_video_tensor_to_file(tmp_path / 'b.mp4')
    again = Document(blob=(tmp_path / 'b.mp4').read_bytes()).convert_blob_to_video_tensor(only_keyframes=True)
    assert again.tensor.shape == (1, 16, 32, 3)
    assert again.tags['frame_rate'] == 10


def test_meshes(tmp_path):
    corners, faces = np.eye(3), np.array([[0, 1, 2]])
    (tmp_path / 'a.ply').write_bytes(mesh.encode(corners, faces))
    doc = Document(uri=str(tmp_path / 'a.ply')).load_uri_to_vertices_and_faces()
    assert [chunk.tags['name'] for chunk in doc.chunks] == ['vertices', 'faces']
    assert doc.load_vertices_and_faces_to_point_cloud(7).tensor.shape == (7, 3)
    assert doc.load_uri_to_point_cloud_tensor(9).tensor.shape == (9, 3)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: Document(id='x').load_uri_to_blob(), 'document x has no uri'),
        (lambda: Document(id='x').convert_blob_to_image_tensor(), 'document x has no blob'),
        (lambda: Document(id='x').set_image_tensor_shape((1, 1)), 'document x has no tensor'),
        (
            lambda: Document(id='x', tensor=np.ones(3)).convert_image_tensor_to_blob(),
            r'no image: its shape is \(3,\)',
        ),
        (lambda: Document(id='x').convert_content_to_datauri(), 'no text, blob or tensor'),
        (lambda: Document(id='x').load_vertices_and_faces_to_point_cloud(3), 'no chunks with vertices'),
    ],
)
def test_what_is_missing_is_named(call, message):
    with pytest.raises(DocumentError, match=message):
        call()
