from __future__ import annotations

from typing import Any

from headrace import DocumentArray, Executor, requests

from .louder import louder


class Shouter(Executor):
    """Says everything louder."""

    def __init__(self, marks: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.marks = marks

    @requests
    def shout(self, docs: DocumentArray, **kwargs: Any) -> None:
        docs.text = [louder(text, self.marks) for text in docs.text]
