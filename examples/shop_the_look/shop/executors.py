"""The three components of the Flow: load a picture, turn it into a vector, keep the vector or look for it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headrace import DocList, Executor, requests
from headrace.errors import DocumentError
from shop.documents import Garment, Look
from shop.features import MODEL, NetworkExtractor, squared
from shop.store import Store, Wishes

SIDE, SIZE = 112, 128  # pixels along a picture's side, numbers in a vector: what the network was made for


class Loader(Executor):
    """Turns a picture, bytes or a file of the catalogue, into pixels."""

    def __init__(self, folder: str = '.', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = Path(folder).resolve()

    @requests(on='/search')
    def load(self, docs: DocList[Look], **kwargs: Any) -> DocList[Look]:
        """Load each picture; it fits whatever its shape."""
        for look in docs:
            self._load(look)
        return docs

    @requests(on='/index')
    def load_good(self, docs: DocList[Look], **kwargs: Any) -> DocList[Look]:
        """Load each picture that can be read; the others are left out, as one must not stop a thousand."""
        good = DocList[Look]()
        for look in docs:
            try:
                self._load(look)
            except DocumentError as error:
                self.logger.debug('left out: %s', error)
            else:
                good.append(look)
        return good

    def _load(self, look: Look) -> None:
        look.pixels = self._pixels(look)
        look.blob = b''

    def _pixels(self, look: Look) -> np.ndarray:
        if not look.blob and not look.uri:
            raise DocumentError(
                f'garment {look.id!r} has no picture', help='give it in blob, or a file in uri'
            )
        source = io.BytesIO(look.blob) if look.blob else self._file(look.uri)
        try:
            with Image.open(source) as picture:
                return squared(picture, SIDE)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            what = 'what blob has' if look.blob else repr(look.uri)
            raise DocumentError(
                f'{what} cannot be read as a picture', help='JPEG, PNG, WebP, GIF, BMP and TIFF can be read'
            ) from error

    def _file(self, uri: str) -> Path:
        """Turn a uri into a file of the catalogue's folder; whoever asks must not see other files."""
        file = (self.folder / uri).resolve()
        if not file.is_relative_to(self.folder):
            raise DocumentError(f'{uri!r} is not in the folder of the catalogue')
        return file


class Extractor(Executor):
    """Turns pixels into the vector that says what a garment looks like."""

    def __init__(self, model: str = str(MODEL), threads: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = NetworkExtractor(model, threads=threads)

    @requests(on=['/index', '/search'])
    def extract(self, docs: DocList[Look], **kwargs: Any) -> DocList[Look]:
        """Look at all pictures of the batch at once."""
        docs.embedding = self.network(docs.pixels)
        docs.pixels = None
        return docs


class Indexer(Executor):
    """Keeps garments by their vectors, and finds those nearest to a vector."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.store = Store(Path(self.workspace) / 'garments', SIZE)

    @requests(on='/index')
    def index(self, docs: DocList[Look], **kwargs: Any) -> DocList[Look]:
        """Keep garments; once this has answered, they are on disk."""
        self.store.add(docs)
        docs.embedding = None
        return docs

    @requests(on='/search')
    def search(self, docs: DocList[Look], parameters: Wishes, **kwargs: Any) -> DocList[Look]:
        """Give each picture the garments that look like it."""
        for look in docs:
            look.matches = self.store.nearest(look.embedding, parameters)
        docs.embedding = None
        return docs

    @requests(on='/delete')
    def delete(self, docs: DocList[Garment], **kwargs: Any) -> DocList[Garment]:
        """Forget garments, by their ids."""
        self.store.remove([garment.id for garment in docs])
        return docs

    @requests(on='/stored')
    def stored(self, docs: DocList[Garment], **kwargs: Any) -> DocList[Garment]:
        """List all garments; who has a catalogue can tell from it what is new."""
        return DocList[Garment](self.store)

    @requests(on='/status')
    def status(self, **kwargs: Any) -> dict[str, Any]:
        """Count the garments, in all and by category."""
        return {'garments': len(self.store), 'categories': self.store.categories()}

    def close(self) -> None:
        self.store.close()
