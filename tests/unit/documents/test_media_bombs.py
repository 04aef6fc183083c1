"""Small files that claim to be huge, or are more than they look: refused soon, and in little memory."""

import io
import struct
import time
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from headrace.documents.media import access, audio, image, mesh, video
from headrace.documents.media.access import Access
from headrace.errors import DocumentError, TooLarge

HUGE = 60_000
MOST_BYTES = 64 * 1024**2
MOST_S = 5


@pytest.fixture(params=['free', 'restricted'])
def process(request, monkeypatch):
    """A program of one's own, and a server: pixels are bounded in both."""
    allowed = ('*',) if request.param == 'free' else ()
    monkeypatch.setattr(access._Process, 'access', Access(allowed))


def png(width, height, *, kind=2):
    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

    head = struct.pack('>IIBBBBB', width, height, 8, kind, 0, 0, 0)
    rows = zlib.compress(bytes(1000 * 1000), 9)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', rows) + chunk(b'IEND', b'')


def encoded(kind, **options):
    from PIL import Image

    file = io.BytesIO()
    Image.new('RGB', (8, 8)).save(file, kind, **options)
    return bytearray(file.getvalue())


def gif():
    data = encoded('GIF')
    struct.pack_into('<HH', data, 6, HUGE, HUGE)
    return data


def gif_whose_frame_is_larger_than_its_screen():
    data = encoded('GIF')
    at = data.index(b'\x2c', 13)
    struct.pack_into('<HH', data, at + 5, HUGE, HUGE)
    return data


def animated():
    from PIL import Image

    frames = [Image.new('P', (16, 16), color) for color in range(2)]
    file = io.BytesIO()
    frames[0].save(file, 'GIF', save_all=True, append_images=frames[1:])
    data = bytearray(file.getvalue())
    struct.pack_into('<HH', data, 6, HUGE, HUGE)
    return data


def tiff(compression=1):
    tags = [(256, 4, HUGE), (257, 4, HUGE), (258, 3, 8), (259, 3, compression), (262, 3, 1), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 4, HUGE), (279, 4, 10)]
    entries = b''.join(
        struct.pack('<HHII', tag, kind, 1, value)
        if kind == 4
        else struct.pack('<HHIHH', tag, kind, 1, value, 0)
        for tag, kind, value in tags
    )
    return struct.pack('<2sHI', b'II', 42, 8) + struct.pack('<H', len(tags)) + entries + bytes(4)


def jpeg():
    data = encoded('JPEG')
    at = data.index(b'\xff\xc0')
    struct.pack_into('>HH', data, at + 5, HUGE, HUGE)
    return data


def webp():
    from PIL import Image

    frames = [Image.new('RGBA', (8, 8), color) for color in ('red', 'blue')]
    file = io.BytesIO()
    frames[0].save(file, 'WEBP', save_all=True, append_images=frames[1:], lossless=True)
    data = bytearray(file.getvalue())
    data[24:27] = data[27:30] = (16_382).to_bytes(3, 'little')
    return data


def bmp():
    data = encoded('BMP')
    struct.pack_into('<ii', data, 18, HUGE, HUGE)
    return data


def qoi():
    return b'qoif' + struct.pack('>IIBB', HUGE, HUGE, 3, 0) + bytes(7) + b'\x01'


def ppm():
    return b'P6 %d %d 255\n' % (HUGE, HUGE)


PICTURES = {
    'png': png(HUGE, HUGE),
    'png, one row': png(2**31 - 1, 1),
    'png, palette': png(HUGE, HUGE, kind=3),
    'gif': gif(),
    'gif, frame': gif_whose_frame_is_larger_than_its_screen(),
    'gif, animated': animated(),
    'tiff': tiff(),
    'tiff, packed': tiff(compression=5),
    'jpeg': jpeg(),
    'webp': webp(),
    'bmp': bmp(),
    'qoi': qoi(),
    'ppm': ppm(),
}


def refused(load, *errors):
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises(errors):
            load()
        taken_s = time.process_time() - begun
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken_s < MOST_S
    assert peak < MOST_BYTES


@pytest.mark.usefixtures('process')
@pytest.mark.parametrize('name', PICTURES)
def test_pictures_that_claim_to_be_huge(name):
    refused(lambda: image.decode(bytes(PICTURES[name])), TooLarge, DocumentError)


@pytest.mark.parametrize('name', ['png', 'gif', 'tiff', 'jpeg', 'webp', 'bmp', 'qoi', 'ppm'])
def test_it_is_said_that_they_are_too_large(name):
    refused(lambda: image.decode(bytes(PICTURES[name])), TooLarge)


def test_a_picture_within_the_limit_of_the_process(monkeypatch):
    monkeypatch.setattr(access._Process, 'access', Access((), max_pixels=100 * 100))
    assert image.decode(bytes(png(100, 100))).shape == (100, 100, 3)
    with pytest.raises(TooLarge, match='max_pixels=10000'):
        image.decode(bytes(png(100, 101)))
    with pytest.raises(TooLarge):
        image.decode(bytes(png(100, 100)), width=1000, height=1000)
    assert image.decode(bytes(png(100, 101)), max_pixels=10_100).shape == (101, 100, 3)


def test_no_program_is_run_for_a_picture(monkeypatch):
    """Pillow hands EPS to Ghostscript."""
    eps = b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n%%EOF\n'
    monkeypatch.setattr(access._Process, 'access', Access(()))
    with pytest.raises(DocumentError, match='format is unknown'):
        image.decode(eps)


def test_video_that_claims_to_be_huge(monkeypatch):
    clip = video.encode(np.zeros((3, 64, 64, 3), np.uint8))
    monkeypatch.setattr(access._Process, 'access', Access((), max_pixels=64 * 63))
    with pytest.raises(TooLarge):
        video.decode(clip)
    monkeypatch.setattr(access._Process, 'access', Access((), max_pixels=64 * 64))
    assert video.decode(clip).frames.shape == (3, 64, 64, 3)


PLAYLISTS = {
    'hls': '#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n',
    'concat': 'ffconcat version 1.0\nfile {url}\n',
    'dash': '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
    'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static" mediaPresentationDuration="PT1S">'
    '<Period><AdaptationSet><Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL></Representation>'
    '</AdaptationSet></Period></MPD>',
    'sdp': 'v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n',
}


@pytest.mark.parametrize('kind', PLAYLISTS)
@pytest.mark.parametrize('url', ['file:///etc/passwd', 'http://127.0.0.1:9/'])
def test_video_that_names_other_files(kind, url):
    with pytest.raises(DocumentError, match='not readable video') as caught:
        video.decode(PLAYLISTS[kind].format(url=url).encode())
    assert 'root' not in str(caught.value)


def wav(channels, size):
    head = struct.pack('<HHIIHH', 1, channels, 48_000, 48_000 * channels, min(channels, 65_535), 8)
    return (
        b'RIFF'
        + struct.pack('<I', size)
        + b'WAVEfmt '
        + struct.pack('<I', 16)
        + head
        + b'data'
        + (struct.pack('<I', size) + bytes(4096))
    )


@pytest.mark.parametrize(('channels', 'size'), [(1, 2**32 - 1), (1024, 2**32 - 1), (65_535, 2**31)])
def test_sound_that_claims_to_be_long(channels, size):
    tracemalloc.start()
    try:
        samples, _ = audio.decode(wav(channels, size))
    except DocumentError:
        samples = np.zeros(0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert samples.size <= 4096
    assert peak < MOST_BYTES


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as packed:
        packed.writestr('a.obj', b'v 0 0 0\n' * 1_000_000)
    return file.getvalue()


MODELS = {
    'ply': (
        b'ply\nformat binary_little_endian 1.0\nelement vertex 4000000000\nproperty float x\n'
        b'property float y\nproperty float z\nend_header\n'
    ),
    'stl': bytes(80) + struct.pack('<I', 2**32 - 1),
    'off': b'OFF\n2000000000 2000000000 0\n',
    'glb': b'glTF' + struct.pack('<III', 2, 2**32 - 1, 2**32 - 1) + b'JSON',
    'gltf': b'{"asset": {"version": "2.0"}, "buffers": [{"uri": "file:///etc/passwd", "byteLength": 100}], '
    b'"meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}], "accessors": [{"bufferView": 0, '
    b'"count": 1, "type": "VEC3", "componentType": 5126}], "bufferViews": [{"buffer": 0, "byteLength": 12}], '
    b'"nodes": [{"mesh": 0}], "scenes": [{"nodes": [0]}]}',
    'zip': archive(),
    '3mf': archive(),
    'dae': b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    'xaml': b'<a/>',
    'json': b'{}',
}


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('kind', MODELS)
def test_models_that_are_more_than_they_look(kind, monkeypatch):
    monkeypatch.setattr(access._Process, 'access', Access(()))
    pytest.importorskip('trimesh')  # it takes seconds, which are not the file's
    refused(lambda: mesh.decode(MODELS[kind], format=kind), DocumentError)
