"""An executor without a replica: how long requests wait, what they are told then, when they wait again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from waiting import until

from headrace.documents import DocList, Document
from headrace.errors import Unavailable
from headrace.gateway.deserted import PATIENCE_S, TOLD_EVERY_S, Deserted
from headrace.gateway.discovery.places import source_of
from headrace.gateway.orders import Open, Route, Target
from headrace.gateway.switchboard import Switchboard
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import ExecutorInfo, FlowInfo
from headrace.spec import ExecutorSpec
from headrace.wire.server import Server

INDEX = Target('index')


@asynccontextmanager
async def board_of(*addresses: str, is_patient: bool = False) -> AsyncIterator[Switchboard]:
    """An executor at addresses, where nobody is as a rule."""
    route = Route(number=1, target=INDEX, replicas={f'index@{each}': each for each in addresses})
    order = Open(
        info=FlowInfo('shop', (), ()),
        executors=(ExecutorSpec(name='index', uses='m:Index'),),
        routes=(route,),
        pids=(),
        wait_s=0.0,
        timeout_stop_s=1.0,
        is_patient=is_patient,
    )
    board = Switchboard(order, lambda message: None)
    try:
        yield board
    finally:
        await board.close(0)


async def told_by(board: Switchboard) -> Unavailable:
    batch = Batch('/', DocList[Document]([Document()]))
    with pytest.raises(Unavailable) as caught:
        await asyncio.wait_for(board.targets[INDEX](batch, Context()), 10)
    return caught.value


async def test_requests_wait_for_a_while_and_are_refused_then(tmp_path: Path) -> None:
    nobody = f'unix:{tmp_path}/nobody'
    async with board_of(nobody) as board:
        deserted = Deserted(board, {INDEX: source_of(nobody)})
        batch = Batch('/', DocList[Document]([Document()]))
        waiting = asyncio.ensure_future(board.targets[INDEX](batch, Context()))
        deserted.look(PATIENCE_S - 0.1)
        await asyncio.sleep(0)
        assert not waiting.done()
        assert deserted.told == {}
        await until(lambda: board.refusals(INDEX) == ['No such file or directory'])
        deserted.look(0.2)
        reason = f"executor 'index' has no replica ({nobody}: No such file or directory)"
        with pytest.raises(Unavailable) as caught:
            await asyncio.wait_for(waiting, 10)
        assert caught.value.message == reason
        later = await told_by(board)
        assert (later.message, later.http_status) == (reason, 503)
        assert '--at' in later.help
        assert deserted.told == {INDEX: reason}
        assert board.states()['index']['index'].startswith(f'no replica: {nobody}')


async def test_with_a_replica_all_is_as_before() -> None:
    async def served(batch: Batch, context: Context) -> Batch:
        return batch

    async with board_of() as board:
        deserted = Deserted(board, {INDEX: source_of('dns:index:9090')})
        deserted.look(PATIENCE_S)
        assert deserted.told == {
            INDEX: "executor 'index' has no replica (dns:index:9090: no address is known)"
        }
        replicas = board.targets[INDEX]
        replicas.add('index@a', served)
        batch = Batch('/', DocList[Document]([Document()]))
        assert await replicas(batch, Context()) is batch  # before anybody has looked
        deserted.look(0.1)
        assert deserted.told == {}
        await replicas.remove('index@a')
        waiting = asyncio.ensure_future(replicas(batch, Context()))
        deserted.look(PATIENCE_S - 0.1)  # its time begins anew
        await asyncio.sleep(0)
        assert not waiting.done()
        replicas.add('index@b', served)
        assert await waiting is batch


async def test_an_executor_that_may_be_back_can_work_until_it_is_given_up(tmp_path: Path) -> None:
    async def served(batch: Batch, context: Context) -> Batch:
        return batch

    info = ExecutorInfo('index', ())
    server = await Server(served, info).listen(f'unix:{tmp_path}/s')
    try:
        async with board_of(server.address, is_patient=True) as board:
            deserted = Deserted(board, {INDEX: source_of(server.address)})
            assert not (await board.ready())['index']  # nobody has been there yet
            await until(lambda: board.at_work['index'])
            assert (await board.ready())['index']
            await server.close()
            await until(lambda: not board.at_work['index'])
            deserted.look(PATIENCE_S - 0.1)
            assert (await board.ready())['index']
            deserted.look(0.2)
            assert not (await board.ready())['index']
            assert deserted.why('index') == deserted.told[INDEX]
    finally:
        await server.close()


async def test_who_was_waited_for_before_is_told_at_once() -> None:
    async with board_of() as board:
        deserted = Deserted(board, {INDEX: source_of('dns:index:9090')}, {'index'})
        deserted.look(0.1)
        assert [*deserted.told] == [INDEX]


async def test_the_log_hears_of_it_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    async with board_of() as board:
        deserted = Deserted(board, {INDEX: source_of('dns:index:9090')})
        for _ in range(3):
            deserted.look(TOLD_EVERY_S / 2)
    told = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 2
    assert 'dns:index:9090' in told[0].getMessage()
