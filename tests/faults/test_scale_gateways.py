"""A gateway that dies: the others take its clients, and it is started anew."""

from __future__ import annotations

import asyncio

import pytest
from oracle import answer, oracles
from storm import gateways

from headrace import Client, Document

CLIENTS = 8


@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_a_gateway_that_dies_is_replaced(protocol):
    flow = oracles(protocol, replicas=2).config_gateway(replicas=2)
    answered: list[int] = []
    ends = asyncio.Event()

    async def client(first: int) -> None:
        async with Client(protocol=protocol, port=flow.port, asyncio=True) as mine:
            number = first
            while not ends.is_set():
                text = f'question {number}'
                async for docs in mine.post('/', Document(text=text), max_attempts=20):
                    assert docs[0].text == answer(text)
                answered.append(number)
                number += CLIENTS

    async with flow:
        clients = [asyncio.create_task(client(number)) for number in range(CLIENTS)]
        try:
            for _ in range(3):
                goal = len(answered) + 50
                await reached(lambda goal=goal: len(answered) >= goal, clients)
                before = gateways()
                assert len(before) == 2
                before[0].kill()
                await reached(lambda old=before[0].pid: is_replaced(old), clients)
            ends.set()
            await asyncio.gather(*clients)
        finally:
            ends.set()
            for each in clients:
                each.cancel()
            await asyncio.gather(*clients, return_exceptions=True)
    assert len(set(answered)) == len(answered)


def is_replaced(pid: int) -> bool:
    now = [each.pid for each in gateways()]
    return len(now) == 2 and pid not in now


async def reached(condition, clients, within_s: float = 20) -> None:
    """Look again and again, while the clients work, until `condition` is true."""
    async with asyncio.timeout(within_s):
        while not condition():
            for each in clients:
                if each.done():
                    each.result()
            await asyncio.sleep(0.02)
