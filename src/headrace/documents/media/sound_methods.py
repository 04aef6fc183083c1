"""Methods of a document that load and save the sound, the video or the 3D model in its tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.documents.media import audio, mesh, uri, video
from headrace.documents.media.document import D, blob_of, tensor_of, uri_of
from headrace.errors import DocumentError

SAMPLE_RATE = 'sample_rate'
KEYFRAMES = 'keyframe_indices'
FRAME_RATE = 'frame_rate'


def load_uri_to_audio_tensor(doc: D, **reading: Any) -> D:
    """Decode the sound that `uri` names into `tensor`: float32 of shape (n,) or (n, channels).

    The rate in hertz goes to `tags['sample_rate']`. `reading` is max_samples, timeout_s, max_bytes, schemes.
    """
    doc.tensor, doc.tags[SAMPLE_RATE] = audio.decode(uri_of(doc), **reading)
    doc.mime_type = doc.mime_type or uri.mime_of(doc.uri)
    return doc


def convert_blob_to_audio_tensor(doc: D, **reading: Any) -> D:
    """Decode the sound in `blob` into `tensor` and `tags['sample_rate']`."""
    doc.tensor, doc.tags[SAMPLE_RATE] = audio.decode(blob_of(doc), **reading)
    return doc


def save_audio_tensor_to_file(
    doc: D, file: uri.Target, sample_rate: int | None = None, format: str = ''
) -> D:
    """Write the sound in `tensor` to a path (format by its ending) or an open file (WAV if not said).

    The rate is `tags['sample_rate']`, or 44100 hertz, if it is not given.
    """
    rate_hz = sample_rate or int(doc.tags.get(SAMPLE_RATE, 44100))
    audio.save(tensor_of(doc), rate_hz, file, format=format)
    return doc


def load_uri_to_video_tensor(doc: D, only_keyframes: bool = False, **reading: Any) -> D:
    """Decode the video that `uri` names into `tensor`: uint8 of shape (n, height, width, 3).

    `tags` gets 'keyframe_indices' and 'frame_rate'. `reading` is every, max_frames, size, max_tensor_bytes,
    timeout_s, max_bytes and schemes (see `video.decode`).
    """
    return _take_video(doc, video.decode(uri_of(doc), only_keyframes=only_keyframes, **reading))


def convert_blob_to_video_tensor(doc: D, only_keyframes: bool = False, **reading: Any) -> D:
    """Decode the video in `blob` into `tensor`, as `load_uri_to_video_tensor` does."""
    return _take_video(doc, video.decode(blob_of(doc), only_keyframes=only_keyframes, **reading))


def save_video_tensor_to_file(
    doc: D, file: uri.Target, frame_rate: float | None = None, codec: str = 'h264', format: str = ''
) -> D:
    """Write the frames in `tensor` to a path (format by its ending) or an open file (MP4 if not said)."""
    rate_hz = frame_rate or float(doc.tags.get(FRAME_RATE, 30))
    video.save(tensor_of(doc), file, rate_hz=rate_hz, codec=codec, format=format)
    return doc


def load_uri_to_vertices_and_faces(doc: D, **reading: Any) -> D:
    """Load the 3D model that `uri` names into two chunks with 'vertices' and 'faces' in `tags['name']`."""
    vertices, faces = mesh.decode(uri_of(doc), **reading)
    make: Any = type(doc)
    for name, array in (('vertices', vertices), ('faces', faces)):
        doc.chunks.append(make(tensor=array, tags={'name': name}, parent_id=doc.id, granularity=1))
    return doc


def load_uri_to_point_cloud_tensor(doc: D, samples: int, **reading: Any) -> D:
    """Sample points (samples, 3) from the surface of the 3D model that `uri` names into `tensor`."""
    doc.tensor = mesh.points(uri_of(doc), samples, **reading)
    return doc


def load_vertices_and_faces_to_point_cloud(doc: D, samples: int, seed: int | None = None) -> D:
    """Sample points (samples, 3) of what `load_uri_to_vertices_and_faces` loaded into `tensor`."""
    parts = {chunk.tags.get('name'): chunk.tensor for chunk in doc.chunks}
    if parts.get('vertices') is None or parts.get('faces') is None:
        raise DocumentError(
            f'document {doc.id} has no chunks with vertices and faces',
            help='call load_uri_to_vertices_and_faces()',
        )
    doc.tensor = mesh.sample(np.asarray(parts['vertices']), np.asarray(parts['faces']), samples, seed=seed)
    return doc


def _take_video(doc: D, found: video.Video) -> D:
    doc.tensor = found.frames
    doc.tags[KEYFRAMES] = found.keyframes
    doc.tags[FRAME_RATE] = found.rate_hz
    doc.mime_type = doc.mime_type or uri.mime_of(doc.uri)
    return doc
