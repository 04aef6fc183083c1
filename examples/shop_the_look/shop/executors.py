"""The three components of the Flow: load the picture, turn it into a vector, keep or look for the vector."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headrace import DocList, Executor, requests
from shop.documents import Garment
from shop.features import MODEL, NetworkExtractor, squared
from shop.store import Store, Wishes

PICTURES = ['/index', '/search']


class Loader(Executor):
    """Turns the picture of a garment, bytes or a file of the catalogue, into pixels of one size."""

    def __init__(self, folder: str = '.', side: int = 112, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = Path(folder).resolve()
        self.side = side

    @requests(on=PICTURES)
    def load(self, docs: DocList[Garment], **kwargs: Any) -> DocList[Garment]:
        for garment in docs:
            garment.pixels = squared(self._open(garment), self.side)
            garment.blob = b''
        return docs

    def _open(self, garment: Garment) -> Image.Image:
        if not garment.blob and not garment.uri:
            raise ValueError(
                f'garment {garment.id!r} has no picture: give its bytes in blob, or a file in uri'
            )
        try:
            return Image.open(io.BytesIO(garment.blob) if garment.blob else self._file(garment.uri))
        except (OSError, Image.DecompressionBombError) as error:
            what = 'the bytes in blob' if garment.blob else repr(garment.uri)
            raise ValueError(
                f'{what} of garment {garment.id!r} cannot be read as a picture: {error}'
            ) from error

    def _file(self, uri: str) -> Path:
        """Turn a uri into a file of the catalogue's folder, and into none outside of it."""
        file = (self.folder / uri).resolve()
        if not file.is_relative_to(self.folder):
            raise ValueError(f'{uri!r} is not in the folder of the catalogue')
        return file


class Extractor(Executor):
    """Turns pixels into the vector that says what the garment looks like."""

    def __init__(self, model: str = str(MODEL), threads: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = NetworkExtractor(model, threads=threads)

    @requests(on=PICTURES)
    def extract(self, docs: DocList[Garment], **kwargs: Any) -> DocList[Garment]:
        docs.embedding = self.network(np.asarray(docs.pixels))
        docs.pixels = None
        return docs


class Indexer(Executor):
    """Keeps garments by their vectors, and finds those nearest to a vector."""

    def __init__(self, size: int = 128, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.store = Store(Path(self.workspace) / 'garments', size)

    @requests(on='/index')
    def index(self, docs: DocList[Garment], **kwargs: Any) -> DocList[Garment]:
        """Keep garments; once this has answered, they are on disk."""
        self.store.add(docs)
        docs.embedding = None
        return docs

    @requests(on='/search')
    def search(self, docs: DocList[Garment], parameters: Wishes, **kwargs: Any) -> DocList[Garment]:
        """Give each garment its matches."""
        for garment in docs:
            garment.matches = self.store.nearest(garment.embedding, parameters)
        docs.embedding = None
        return docs

    @requests(on='/delete')
    def delete(self, docs: DocList[Garment], **kwargs: Any) -> DocList[Garment]:
        """Forget garments, by their ids."""
        self.store.remove([garment.id for garment in docs])
        return docs

    @requests(on='/stored')
    def stored(self, docs: DocList[Garment], **kwargs: Any) -> DocList[Garment]:
        """List what there is, without vectors: whoever adds garments can tell what is new."""
        return DocList[Garment](self.store)

    @requests(on='/status')
    def status(self, **kwargs: Any) -> dict[str, Any]:
        """Count the garments, in all and by category."""
        return {'garments': len(self.store), 'categories': self.store.categories()}

    def close(self) -> None:
        self.store.close()
