"""The end of a client: nothing of gRPC comes after it, and nothing can be asked of it any more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headrace.client import AsyncClient
from headrace.client.loop import fast_loop
from headrace.documents import Document
from headrace.errors import RequestError

SCRIPT = """
from headrace import BaseDoc, Client, DocList, Document, Executor, Flow, requests


class Item(BaseDoc):
    title: str


class Echo(Executor):
    @requests
    def echo(self, docs: DocList[Item], **_) -> DocList[Item]:
        return docs


def fail(port, inputs):
    try:
        with Client(port=port) as client:
            client.post('/x', inputs, request_size=1)
    except Exception as error:
        print(type(error).__name__)


if __name__ == '__main__':
    with Flow().add(uses=Echo) as flow:
        for _ in range(20):
            fail(flow.port, [Item(title='a'), Item(title=3)])  # cannot be encoded
            fail(flow.port, Document('x'))  # is refused
"""


def test_a_client_that_ends_with_an_error_leaves_nothing_to_the_next_ones_loop(tmp_path: Path) -> None:
    script = tmp_path / 'failing.py'
    script.write_text(SCRIPT)
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stderr) == (0, '')
    assert len(ran.stdout.splitlines()) == 40


def test_a_closed_client_says_so_until_it_is_entered_again(shouting: Any, protocol: str) -> None:
    client = shouting.client(protocol)
    assert client.post('/', Document('a')).texts == ['A']
    client.close()
    for ask in (lambda: client.post('/', Document('a')), client.is_flow_ready, lambda: client.takes('/')):
        with pytest.raises(RequestError, match='this client is closed'):
            ask()
    with client:
        assert client.post('/', Document('a')).texts == ['A']


async def test_a_closed_asynchronous_client_says_so(shouting: Any, protocol: str) -> None:
    client = AsyncClient(shouting.url(protocol))
    await client.close()
    with pytest.raises(RequestError, match='this client is closed'):
        client.post('/', Document('a'))
    async with client:
        assert (await client.post('/', Document('a'))).texts == ['A']


def test_what_comes_for_a_closed_loop_is_dropped() -> None:
    loop = fast_loop()
    loop.close()
    loop.call_soon_threadsafe(print, 'too late')
