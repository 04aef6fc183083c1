"""WebSockets of a whole Flow: several gateways on one port, a stop in the middle, a worker that dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
from waiting import wait_until
from websockets.sync.client import ClientConnection, connect

from headrace import BaseDoc, DocList, Executor, Flow, requests


class Text(BaseDoc):
    text: str


class Slow(Executor):
    def __init__(self, folder: str = '', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = Path(folder)

    @requests(on='/slow')
    async def slow(self, docs: DocList[Text], **kwargs: Any) -> DocList[Text]:
        (self.folder / docs[0].text).touch()  # so that the test knows that it has begun
        await asyncio.sleep(0.5)
        return docs

    @requests(on='/count')
    async def count(self, doc: Text, **kwargs: Any) -> AsyncIterator[Text]:
        for number in range(1_000_000):
            yield Text(text=str(number))
            await asyncio.sleep(0.01)

    @requests(on='/who')
    def who(self, docs: DocList[Text], **kwargs: Any) -> DocList[Text]:
        docs[0].text = str(os.getpid())
        return docs


def dial(port: int) -> ClientConnection:
    return connect(f'ws://127.0.0.1:{port}/', subprotocols=['headrace.json.v1'], proxy=None)  # type: ignore[list-item]


def say(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def hear(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(socket.recv(30))


def gateways_of(sockets: list[ClientConnection], port: int) -> set[int | None]:
    """The processes at the other ends."""
    ours = {(port, socket.local_address[1]) for socket in sockets}
    found = (each for each in psutil.net_connections('tcp') if each.raddr)
    return {each.pid for each in found if (each.laddr.port, each.raddr.port) in ours}


def test_several_gateways_on_one_port_and_a_stop_in_the_middle(tmp_path: Path) -> None:
    flow = Flow(protocol=['http', 'websocket']).add(
        name='slow', uses=Slow, uses_with={'folder': str(tmp_path)}
    )
    with flow.config_gateway(replicas=2) as running, ExitStack() as stack:
        sockets = [
            stack.enter_context(dial(running.port)) for _ in range(24)
        ]  # which gateway takes one is chance
        for socket in sockets:
            say(socket, id='a', endpoint='/who', data=[{'text': ''}])
            assert hear(socket)['type'] == 'reply'
        assert len(gateways_of(sockets, running.port)) == 2
        for number, socket in enumerate(sockets):
            say(socket, id='last', endpoint='/slow', data=[{'text': str(number)}])
        wait_until(lambda: len(list(tmp_path.iterdir())) == len(sockets))
        stopping = threading.Thread(target=running.close)
        stopping.start()
        for socket in sockets:
            heard = [hear(socket)['type'] for _ in range(2)]
            assert sorted(heard) == ['farewell', 'reply']
            say(socket, type='end')
            assert list(socket) == []
            assert socket.close_code == 1001
        stopping.join()


def test_a_worker_that_dies_in_the_middle() -> None:
    with (
        Flow(protocol=['http', 'websocket']).add(name='slow', uses=Slow) as running,
        dial(running.port) as socket,
    ):
        say(socket, id='w', endpoint='/who', data=[{'text': ''}])
        worker = int(hear(socket)['data'][0]['text'])
        say(socket, id='c', endpoint='/count', data=[{'text': ''}], stream=True)
        assert hear(socket)['type'] == 'item'
        os.kill(worker, signal.SIGKILL)
        while (told := hear(socket))['type'] == 'item':
            pass
        assert (told['type'], told['error']['status']) == ('error', 503)
        say(socket, id='w', endpoint='/who', data=[{'text': ''}])
        assert hear(socket)['type'] in ('reply', 'error')  # the connection lives
