"""A 3D model file in; vertices and faces, or points sampled from its surface, out, and back."""

from __future__ import annotations

import io
import os
from pathlib import PurePath
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headrace.documents.media import access, uri
from headrace.errors import DocumentError
from headrace.extras import load

Array: TypeAlias = NDArray[Any]

_SAFE = ('obj', 'stl', 'stl_ascii', 'ply', 'off', 'glb', 'gltf', 'xyz')
"""What is opened for strangers: no archives, which may hold any number of bytes, and no XML."""


def decode(source: uri.Source, *, format: str = '', **reading: Any) -> tuple[Array, Array]:
    """Turn a model (OBJ, STL, PLY, GLB, OFF, ...) into vertices (n, 3) float and faces (m, 3) int.

    `format` is the file's ending where `source` has none. Scenes are joined into one mesh. `reading` goes to
    `uri.read`.

    >>> vertices, faces = decode('cube.obj')  # doctest: +SKIP
    """
    mesh = _load(source, format, reading)
    return np.asarray(mesh.vertices), np.asarray(mesh.faces)


def points(
    source: uri.Source, samples: int, *, format: str = '', seed: int | None = None, **reading: Any
) -> Array:
    """Turn a model into `samples` points (samples, 3), evenly distributed over its surface.

    A file that is a point cloud already gives a random choice of its points.
    """
    return _sample(_load(source, format, reading), samples, seed)


def sample(vertices: Array, faces: Array, samples: int, *, seed: int | None = None) -> Array:
    """Turn vertices and faces into `samples` points (samples, 3), evenly distributed over the surface."""
    trimesh = load('trimesh', extra='mesh')
    return _sample(trimesh.Trimesh(vertices=vertices, faces=faces, process=False), samples, seed)


def encode(vertices: Array, faces: Array, *, format: str = 'ply') -> bytes:
    """Turn vertices (n, 3) and faces (m, 3) into a model file's bytes."""
    trimesh = load('trimesh', extra='mesh')
    try:
        data = trimesh.Trimesh(vertices=vertices, faces=faces, process=False).export(file_type=format)
    except (ValueError, KeyError) as error:
        raise DocumentError(
            f'a mesh cannot be written as {format!r}: {error}', help="try format='ply'"
        ) from error
    return data.encode() if isinstance(data, str) else bytes(data)


def _load(source: uri.Source, format: str, reading: dict[str, Any]) -> Any:
    trimesh = load('trimesh', extra='mesh')
    kind = format or (PurePath(source).suffix[1:] if isinstance(source, str | os.PathLike) else '')
    if not access.current().is_free and kind.lower() not in _SAFE:
        raise DocumentError(
            f'{uri.name_of(source)} is a model of a kind ({kind!r}) that is not opened here',
            help=f'give one of {", ".join(_SAFE)}',
        )
    data = uri.read(source, **reading)
    try:
        loaded = trimesh.load(io.BytesIO(data), file_type=kind.lower(), process=False)
        if isinstance(loaded, trimesh.Scene):
            loaded = loaded.to_mesh()
        if not len(loaded.vertices):
            raise ValueError('it has no vertices')
    except Exception as error:  # a damaged file makes trimesh's loaders raise nearly anything
        raise DocumentError(
            f'{uri.name_of(source)} is not a readable 3D model: {error}',
            help="give OBJ, STL, PLY, GLB or OFF, and format='obj' where no file name tells it",
        ) from error
    return loaded


def _sample(mesh: Any, samples: int, seed: int | None) -> Array:
    generator = np.random.default_rng(seed)
    if hasattr(mesh, 'faces') and len(mesh.faces):
        trimesh = load('trimesh', extra='mesh')
        found, _ = trimesh.sample.sample_surface(mesh, samples, seed=generator)
        return np.asarray(found)
    vertices = np.asarray(mesh.vertices)
    return vertices[generator.choice(len(vertices), samples, replace=samples > len(vertices))]
