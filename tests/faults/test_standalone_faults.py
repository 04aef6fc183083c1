"""Parts that run alone, under load: what is replaced, killed, frozen or cut off costs no request."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from standalone import Part, Parts, parts_of
from storm import storm
from waiting import until

ROOT = Path(__file__).parents[2]
FLOW = f"""
with: {{name: faults, timeout_stop_s: 20}}
executors:
  - {{name: oracle, uses: '{ROOT}/tests/plugins/oracle.py:Oracle'}}
gateway: {{protocol: [http, grpc]}}
"""


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with parts_of(tmp_path, FLOW) as made:
        yield made


def listed(parts: Parts, *workers: Part) -> Path:
    """Write down where the replicas are."""
    places = parts.file.parent / 'places'
    new = places.with_suffix('.new')
    new.write_text('\n'.join(worker.address for worker in workers))
    new.replace(places)
    return places


async def started(parts: Parts, count: int) -> list[Part]:
    """Workers that are ready."""
    workers = [parts.worker('oracle') for _ in range(count)]
    await asyncio.to_thread(lambda: [worker.ready() for worker in workers])
    return workers


async def ports_of(gateway: Part) -> dict[str, int]:
    return (await asyncio.to_thread(gateway.ready))['ports']


@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_a_rolling_replacement_of_all_workers_loses_no_request(parts, protocol):
    old = await started(parts, 2)
    gateway = parts.gateway(f'oracle=file:{listed(parts, *old)}')
    async with storm(protocol, (await ports_of(gateway))[protocol]) as load:
        await load.until(lambda: {worker.pid for worker in old} <= load.served.keys())
        running = old
        for _ in range(2):
            (new,) = await started(parts, 1)
            listed(parts, *running, new)
            await load.until(lambda new=new: new.pid in load.served)
            gone, *rest = running
            running = [*rest, new]
            gone.signal()  # as a cluster does: told to end, and not listed any more
            listed(parts, *running)
            assert await asyncio.to_thread(gone.ended) == 0
            await load.more(50)
        assert not {worker.pid for worker in running} & {worker.pid for worker in old}
    assert gateway.stop() == 0


async def test_a_worker_that_is_told_to_end_while_it_is_listed_loses_no_request(parts):
    workers = await started(parts, 2)
    gateway = parts.gateway(f'oracle={",".join(worker.address for worker in workers)}')
    async with storm('http', (await ports_of(gateway))['http']) as load:
        await load.until(lambda: len(load.served) == 2)
        assert await asyncio.to_thread(workers[0].stop) == 0
        await load.more(100)


async def test_a_moment_without_any_worker_loses_no_request(parts):
    first, second = await started(parts, 2)  # a start takes its time where much runs: this one is done
    gateway = parts.gateway(f'oracle=file:{listed(parts, first)}')
    async with storm('http', (await ports_of(gateway))['http']) as load:
        await load.until(lambda: first.pid in load.served)
        listed(parts)
        await asyncio.to_thread(gateway.told, f'- {first.address}')
        assert await asyncio.to_thread(first.stop) == 0
        assert (await asyncio.to_thread(gateway.probe, '/ready'))[0] == 200  # requests wait, and can come
        listed(parts, second)
        await load.until(lambda: load.served[second.pid] > 100)


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
async def test_a_replica_that_is_killed_or_frozen_costs_no_request(parts, number):
    workers = await started(parts, 2)
    gateway = parts.gateway(f'oracle={",".join(worker.address for worker in workers)}')
    async with storm('http', (await ports_of(gateway))['http']) as load:
        await load.until(lambda: len(load.served) == 2)
        os.kill(workers[0].pid, number)
        before = load.served[workers[1].pid]
        await load.until(lambda: load.served[workers[1].pid] > before + 100)
        await load.all_answered()


async def test_a_replica_that_is_cut_off_from_the_network_costs_no_request_and_comes_back(parts):
    workers = await started(parts, 2)
    async with network(workers[0].address) as (where, cable):
        gateway = parts.gateway(f'oracle={where},{workers[1].address}')
        async with storm('http', (await ports_of(gateway))['http']) as load:
            await load.until(lambda: len(load.served) == 2)
            cable.clear()  # nobody hears anything, and no connection ends
            await load.all_answered()
            before = load.served[workers[0].pid]
            await load.more(100)
            assert load.served[workers[0].pid] == before
            cable.set()
            await load.until(lambda: load.served[workers[0].pid] > before)


async def test_a_gateway_that_lingers_answers_who_comes_until_everybody_has_noticed(parts):
    (worker,) = await started(parts, 1)
    gateway = parts.gateway(f'oracle={worker.address}', linger='60')
    port = (await ports_of(gateway))['http']
    answers: list[int] = []
    has_noticed = asyncio.Event()  # what a load balancer does when it is not ready any more

    async def client() -> None:
        """Request after request, each over a connection of its own."""
        while not has_noticed.is_set():
            reader, writer = await asyncio.open_connection('127.0.0.1', port)
            body = b'{"data":[{"text":"x"}]}'
            head = b'POST /post HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n'
            writer.write(head + b'content-length: %d\r\n\r\n' % len(body) + body)
            answers.append(int((await reader.readline()).split()[1]))
            writer.close()

    clients = [asyncio.create_task(client()) for _ in range(4)]
    async with asyncio.timeout(60):
        await more(answers, 20)
        gateway.signal()
        while (await asyncio.to_thread(gateway.probe, '/ready'))[0] == 200:
            pass
        await more(answers, 20)
        has_noticed.set()
        await asyncio.gather(*clients)
    assert set(answers) == {200}
    gateway.signal()  # it need not linger any longer
    assert await asyncio.to_thread(gateway.ended) == 0


async def more(answers: list[int], count: int) -> None:
    """Wait for so many more answers."""
    goal = len(answers) + count
    await until(lambda: len(answers) >= goal)


OTHER = """
from headrace import BaseDoc, DocList, Executor, requests

class Price(BaseDoc):
    price: float

class Oracle(Executor):
    @requests
    def price(self, docs: DocList[Price], **kwargs) -> DocList[Price]:
        return docs
"""


async def test_a_version_that_offers_something_else_is_not_used_and_a_gateway_with_no_other_ends(parts):
    (worker,) = await started(parts, 1)
    gateway = parts.gateway(f'oracle=file:{listed(parts, worker)}')
    port = (await ports_of(gateway))['http']
    (parts.file.parent / 'other.py').write_text(OTHER)
    parts.file.write_text(FLOW.replace(f'{ROOT}/tests/plugins/oracle.py', 'other.py'))
    (newer,) = await started(parts, 1)
    async with storm('http', port) as load:
        listed(parts, worker, newer)
        line = await asyncio.to_thread(gateway.told, 'is not used')
        assert 'it does not offer what oracle offered' in line['message']
        await load.more(100)
        assert {*load.served} == {worker.pid}
    listed(parts, newer)
    line = await asyncio.to_thread(gateway.told, 'so this gateway ends')
    assert line['level'] == 'ERROR'
    assert await asyncio.to_thread(gateway.ended) == 1


@asynccontextmanager
async def network(address: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A way to a worker: its address, and a cable that can be pulled (cleared): then bytes go nowhere."""
    host, _, port = address.removeprefix('tcp:').rpartition(':')
    cable = asyncio.Event()
    cable.set()
    pumps: set[asyncio.Task[Any]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await cable.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await cable.wait()
        ahead, back = await asyncio.open_connection(host, int(port))
        for ways in ((reader, back), (ahead, writer)):
            task = asyncio.create_task(pump(*ways))
            pumps.add(task)
            task.add_done_callback(pumps.discard)

    server = await asyncio.start_server(accepted, '127.0.0.1', 0)
    try:
        yield f'tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}', cable
    finally:
        cable.set()
        server.close()
        for task in [*pumps]:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
