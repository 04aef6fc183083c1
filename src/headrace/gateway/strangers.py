"""Keys of documents that no field has: told, refused or dropped, as the gateway's `unknown_fields` says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from headrace.documents import BaseDoc, Document, strange
from headrace.spec.gateway import UnknownFields


class Strangers:
    """What becomes of keys that no field has.

    With 'misspelt' only the first document of a request is looked at: those of one client are alike.
    """

    __slots__ = ('_only_misspelt', 'check', 'drops', 'looks_at_all')

    def __init__(self, ways: UnknownFields = 'misspelt') -> None:
        self._only_misspelt = ways == 'misspelt'
        self.drops = ways == 'drop'
        self.looks_at_all = ways == 'refuse'
        self.check = strange.check_first if ways == 'misspelt' else strange.check_all
        """Raise DocumentError for such a key in a JSON list that has been read as documents of the class."""
        if self.drops:
            self.check = _no_matter

    def check_plain(self, docs: Sequence[Any], doc_type: type[BaseDoc]) -> None:
        """The same for documents as plain data."""
        if not self.drops:
            strange.check_plain(docs, doc_type, only_misspelt=self._only_misspelt)

    def check_names(self, names: Iterable[str], doc_type: type[BaseDoc]) -> None:
        """The same for the names of columns; a Document keeps those that it has no field for."""
        if not self.drops and doc_type is not Document:
            strange.check_names(names, doc_type, only_misspelt=self._only_misspelt)


def _no_matter(data: bytes, doc_type: type[BaseDoc]) -> None:
    """Nobody is told."""
