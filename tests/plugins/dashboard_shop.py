"""A Flow with replicas, shards and batches for the dashboard, callers of it, and a browser that looks."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

from headrace import BaseDoc, DocList, Executor, dynamic_batching, requests

WORKERS = 3


class Photo(BaseDoc):
    """A product as a shop shows it."""

    title: str
    picture: bytes = b''
    pid: int = 0


class Encoder(Executor):
    @requests(on='/search')
    @dynamic_batching(preferred_batch_size=8, timeout=5)
    def encode(self, docs: DocList[Photo], **kwargs: Any) -> DocList[Photo]:
        """Find what looks alike."""
        for doc in docs:
            if doc.title == 'broken':
                self.logger.error('cannot read %s', doc.title)
                raise ValueError('the picture is truncated')
            if doc.title == 'slow':
                time.sleep(0.7)
            doc.pid = os.getpid()
        return docs


class Index(Executor):
    @requests(on='/search')
    async def find(self, docs: DocList[Photo], **kwargs: Any) -> DocList[Photo]:
        if docs[0].title != 'hat':
            logging.getLogger('shop').warning('looking for %s', docs[0].title)
        await asyncio.sleep(0.002)
        return docs

    @requests(on='/words')
    async def words(self, doc: Photo, **kwargs: Any) -> AsyncIterator[Photo]:
        yield doc


class Load:
    """Callers that ask one after the other until they are told to stop; `ask` is one more."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(WORKERS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            ask(self._home, 'hat')

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def ask(home: str, title: str, request_id: str = '') -> tuple[int, Any]:
    body = json.dumps({'data': [{'title': title}]}).encode()
    headers = {'content-type': 'application/json'} | ({'x-request-id': request_id} if request_id else {})
    try:
        with urllib.request.urlopen(
            urllib.request.Request(home + 'search', body, headers), timeout=30
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


class Opening:
    """Opens pages; whatever goes wrong in one, and whatever it asks of others, is noted."""

    def __init__(self, browser: Any, home: str) -> None:
        self._browser = browser
        self._home = home
        self._contexts: list[Any] = []
        self.wrong: list[str] = []
        self.elsewhere: list[str] = []

    def __call__(self, view: str = 'flow', *, width: int = 1280, **settings: Any) -> Any:
        context = self._browser.new_context(viewport={'width': width, 'height': 900}, **settings)
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on('pageerror', lambda error: self.wrong.append(str(error)))
        page.on(
            'console',
            lambda said: self.wrong.append(said.text) if said.type in ('error', 'warning') else None,
        )
        page.on(
            'request', lambda asked: None if self._is_near(asked.url) else self.elsewhere.append(asked.url)
        )
        page.goto(f'{self._home}dashboard{"#" * bool(view)}{view}')
        return page

    def _is_near(self, url: str) -> bool:
        return url.startswith((self._home, 'data:', f'blob:{self._home}'))

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def box(page: Any, name: str) -> Any:
    return page.locator(f'.box[data-key="{name}"]')


def wait_for_label(page: Any, name: str, text: str) -> None:
    script = (
        '([key, text]) => document.querySelector(`.box[data-key="${key}"]`)'
        "?.getAttribute('aria-label')?.includes(text)"
    )
    page.wait_for_function(script, arg=[name, text])


def flowing(page: Any) -> None:
    """Wait until the graph shows that requests come."""
    page.wait_for_function(
        "() => Number.parseFloat(document.querySelector('.box.executor .flow')?.textContent) > 1"
    )
