"""Texts in, texts out: whole, word by word, or for ever; what clients of every door are tried on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from headrace import BaseDoc, DocList, Executor, NdArray, requests


class Text(BaseDoc):
    text: str = ''
    vector: NdArray | None = None


class Words(Executor):
    @requests(on='/upper')
    def upper(self, docs: DocList[Text], **kwargs: Any) -> DocList[Text]:
        for doc in docs:
            doc.text = doc.text.upper()
        return docs

    @requests(on='/other')
    def other(self, docs: DocList[Text], **kwargs: Any) -> DocList[Text]:
        return docs

    @requests(on='/words')
    async def words(self, doc: Text, **kwargs: Any) -> AsyncIterator[Text]:
        for word in doc.text.replace('.', ' ').split():
            yield Text(text=word)

    @requests(on='/endless')
    async def endless(self, doc: Text, **kwargs: Any) -> AsyncIterator[Text]:
        number = 0
        while True:
            yield Text(text=f'{doc.text} {number}')
            number += 1
