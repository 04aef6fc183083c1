"""Lines of real processes: whose they are, which request they belong to, where they are found again."""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from doors import OWN, PLAIN, Ask, Doors
from loglines import directory, lines, notice
from waiting import wait_until

from headrace import DocumentArray, Executor, Flow, dynamic_batching, requests
from headrace.cli import main
from headrace.errors import SpecError
from headrace.observe.logfiles import tail

TRACE = '0af7651916cd43dd8448eb211c80319c'
TRACEPARENT = f'00-{TRACE}-b7ad6b7169203331-00'
PRINTED = ('by logger', 'by another logger', 'by print', 'in two parts', 'by stderr', 'by warning')
WRITTEN = ('by write', 'by puts', 'by a child')


def everything(logger: logging.Logger) -> None:
    logger.info('by logger', extra={'size': 3, 'api_key': 'geheim', 'x_token': 'geheim'})
    logging.getLogger('some.library').warning('by another logger')
    print('by print')
    print('in two', end=' ')
    print('parts')
    sys.stderr.write('by stderr\n')
    warnings.warn('by warning', stacklevel=1)
    os.write(1, b'by write\n')
    ctypes.CDLL(None).puts(b'by puts')
    subprocess.run(['echo', 'by a child'], check=True)


class Loud(Executor):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        print('constructed')

    @requests(on='/thread')
    def thread(self, docs, **kwargs):
        everything(self.logger)

    @requests(on='/loop')
    async def loop(self, docs, **kwargs):
        everything(self.logger)
        await asyncio.sleep(0)
        print('after a wait')
        await asyncio.create_task(self.in_a_task())
        await asyncio.to_thread(print, 'in another thread')

    async def in_a_task(self):
        print('in a task')

    @requests(on='/steps')
    def steps(self, docs, **kwargs) -> Iterator[Any]:
        try:
            for number in range(3):
                print('step', number)
                yield DocumentArray([docs[0]])
        finally:
            print('closed')

    @requests(on='/parts')
    async def parts(self, docs, **kwargs):
        for number in range(3):
            print('part', number)
            await asyncio.sleep(0)
            yield DocumentArray([docs[0]])

    @requests(on='/together')
    @dynamic_batching(preferred_batch_size=8, max_wait_ms=1000, flush_all=True)
    def together(self, docs, **kwargs):
        print('together', len(docs))
        time.sleep(0.3)

    @requests(on='/slow')
    def slow(self, docs, **kwargs):
        time.sleep(0.6)

    @requests(on='/counted')
    def counted(self, docs, **kwargs):
        if docs[0].text == 'bad':
            raise ValueError('no such thing')

    @requests(on='/quiet')
    def quiet(self, docs, **kwargs):
        self.logger.debug('at last')

    @requests(on='/thrown')
    def thrown(self, docs, **kwargs):
        thread = threading.Thread(target=lambda: 1 / 0, name='it')
        thread.start()
        thread.join()
        try:
            raise ValueError('mine')
        except ValueError:
            self.logger.exception('it went wrong')
            raise


LOGS = {'format': 'json', 'access': 'all', 'slow_s': 0.5}


@pytest.fixture(scope='module')
def shop() -> Iterator[SimpleNamespace]:
    flow = Flow(name='shop', observe={'logs': LOGS}, protocols=['http', 'grpc', 'websocket', 'graphql'])
    with flow.add(name='loud', uses=Loud, replicas=2) as running:
        yield SimpleNamespace(
            flow=running, folder=directory(running), url=f'http://127.0.0.1:{running.ports["http"]}'
        )


def ask(shop: SimpleNamespace, endpoint: str, request_id: str, **headers: str) -> httpx.Response:
    given = {'x-request-id': request_id, 'traceparent': TRACEPARENT, **headers}
    return httpx.post(
        f'{shop.url}{endpoint}', json={'data': [{'text': 'a'}]}, headers=given, timeout=30, trust_env=False
    )


@pytest.mark.parametrize('endpoint', ['/thread', '/loop'])
def test_every_line_of_a_handler_says_whose_it_is(shop, endpoint):
    request_id = f'request-to{endpoint.replace("/", "-")}'
    assert ask(shop, endpoint, request_id).status_code == 200
    told = lines(shop.folder, lambda line: line.request_id == request_id and line.executor, len(PRINTED))
    process = {line.process for line in told}
    assert len(process) == 1
    assert process <= {'loud/rep-0', 'loud/rep-1'}
    for text in PRINTED:
        (found,) = [line for line in told if text in line.message]
        assert (found.flow, found.executor, found.endpoint) == ('shop', 'loud', endpoint)
        assert found.trace_id == TRACE
        assert found.replica == found.process.removeprefix('loud/')
    for text in WRITTEN:
        (found,) = lines(
            shop.folder, lambda line, text=text: line.message == text and {line.process} == process
        )[-1:]
        assert (found.flow, found.executor, found.logger) == ('shop', 'loud', 'output')


def test_levels_loggers_and_facts_are_told_but_no_secrets(shop):
    ask(shop, '/thread', 'request-with-facts')
    told = lines(shop.folder, lambda line: line.request_id == 'request-with-facts', len(PRINTED) + 1)
    by_text = {line.message: line for line in told}
    assert by_text['by logger'].facts == {'size': 3, 'api_key': '***', 'x_token': '***'}
    assert by_text['by logger'].logger == 'headrace.executor.loud'
    assert (by_text['by another logger'].level, by_text['by another logger'].logger) == (
        'WARNING',
        'some.library',
    )
    assert by_text['by print'].logger == 'stdout'
    assert by_text['by stderr'].logger == 'stderr'
    assert 'geheim' not in repr(told)


def test_lines_know_their_request_behind_waits_tasks_and_threads(shop):
    ask(shop, '/loop', 'request-that-waits')
    wanted = {'after a wait', 'in a task', 'in another thread'}
    told = lines(
        shop.folder, lambda line: line.message in wanted and line.request_id == 'request-that-waits', 3
    )
    assert {line.message for line in told} == wanted


@pytest.mark.parametrize(
    ('endpoint', 'wanted'),
    [('/steps', ['step 0', 'step 1', 'step 2', 'closed']), ('/parts', ['part 0', 'part 1', 'part 2'])],
)
def test_generators_know_their_request_at_every_step(shop, endpoint, wanted):
    request_id = f'generated{endpoint.replace("/", "-")}'
    ask(shop, endpoint, request_id)
    told = lines(shop.folder, lambda line: line.request_id == request_id and line.executor, len(wanted))
    assert [line.message for line in told] == wanted
    assert {line.trace_id for line in told} == {TRACE}


def test_lines_of_a_batch_say_how_many_requests_share_it(shop):
    async def all_at_once() -> None:
        url = f'{shop.url}/together'
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            body = {'data': [{'text': 'a'}]}
            await asyncio.gather(
                *(client.post(url, json=body, headers={'x-request-id': f'shared-{n}'}) for n in range(24))
            )

    asyncio.run(all_at_once())
    batches = lines(shop.folder, lambda line: line.message.startswith('together '))
    shared = [line for line in batches if line.requests > 1]
    assert shared, batches
    for line in shared:
        assert line.message == f'together {line.requests}'  # one document each
        assert line.request_ids[0] == line.request_id
        assert len(line.request_ids) == min(3, line.requests)
        assert all(each.startswith('shared-') for each in line.request_ids)
        assert line in tail(shop.folder, request_id=line.request_ids[1], limit=100_000)


def test_errors_have_their_tracebacks(shop):
    ask(shop, '/thrown', 'request-thrown')
    (own,) = lines(shop.folder, lambda line: line.message == 'it went wrong')
    assert own.error.endswith('ValueError: mine')
    assert own.request_id == 'request-thrown'
    (thread,) = lines(shop.folder, lambda line: line.message == 'thread it ended with an error')
    assert 'ZeroDivisionError' in thread.error
    (failed,) = lines(shop.folder, lambda line: line.logger == 'headrace.wire.server')
    assert failed.message.endswith('ValueError: mine')
    assert (failed.request_id, failed.trace_id, failed.endpoint) == ('request-thrown', TRACE, '/thrown')
    assert (failed.executor, f'loud/{failed.replica}') == ('loud', failed.process)


def test_what_is_told_outside_of_requests_has_names(shop):
    told = lines(shop.folder, lambda line: line.message == 'constructed', 2)
    assert {line.process for line in told} == {'loud/rep-0', 'loud/rep-1'}
    assert {line.request_id for line in told} == {''}


def test_the_access_log_has_a_line_for_every_request_of_every_protocol(shop):
    doors = Doors(shop.flow.ports, {})

    others = [door for door in (*PLAIN, *OWN) if door != 'graphql']
    query = 'mutation { docs(data: [{text: "%s"}], execEndpoint: "/counted") { id } }'

    async def ask_all() -> None:
        for text in ('good', 'bad'):
            for door in others:
                await getattr(doors, door)(Ask('/counted', [{'text': text}]))
            async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
                await client.post(f'{shop.url}/graphql', json={'query': query % text})

    asyncio.run(ask_all())
    protocols = Counter(door.removeprefix('client_').partition('_')[0] for door in others)
    protocols['graphql'] = 1
    wanted = {(name, status): count for name, count in protocols.items() for status in (200, 500)}
    told = lines(
        shop.folder,
        lambda line: line.logger == 'headrace.access' and line.endpoint == '/counted',
        sum(wanted.values()),
    )
    assert Counter((line.facts['protocol'], line.facts['status']) for line in told) == wanted
    for line in told:
        assert (line.process, line.facts['client'], line.facts['documents']) == ('gateway', '127.0.0.1', 1)
        assert line.facts['ms'] > 0
        assert line.facts['received_bytes'] > 0
        assert ('reason' in line.facts) is (line.facts['status'] == 500)


def test_no_line_has_headers_keys_or_queries(shop):
    ask(shop, '/quiet?token=geheim', 'request-with-secrets', authorization='Bearer geheim', cookie='s=geheim')
    (line,) = lines(shop.folder, lambda line: line.request_id == 'request-with-secrets')
    assert line.logger == 'headrace.access'
    assert 'geheim' not in repr(tail(shop.folder, limit=100_000))


def test_slow_requests_say_where_the_time_went(shop):
    ask(shop, '/slow', 'request-slow')
    (line,) = lines(
        shop.folder, lambda line: line.logger == 'headrace.slow' and line.request_id == 'request-slow'
    )
    (hop,) = line.facts['hops']
    assert line.level == 'WARNING'
    assert hop['executor'] == 'loud'
    assert hop['replica'] in ('loud/rep-0', 'loud/rep-1')
    assert 590 <= hop['handler_ms'] <= hop['ms'] <= line.facts['ms']
    assert hop['ms'] == pytest.approx(
        sum(hop[f'{name}_ms'] for name in ('queue', 'batch', 'handler', 'way')), abs=1
    )
    assert line.facts['gateway_ms'] == pytest.approx(line.facts['ms'] - hop['ms'], abs=1)
    quick = [each for each in tail(shop.folder, limit=100_000) if each.logger == 'headrace.slow']
    assert all(each.facts['ms'] >= 500 for each in quick)


def test_every_line_that_is_kept_is_json(shop):
    for name in os.listdir(f'{shop.folder}/logs'):
        with open(f'{shop.folder}/logs/{name}') as file:
            for line in file:
                assert isinstance(json.loads(line)['message'], str)


def test_a_level_changes_at_run_time(shop):
    def debug():
        return [line for line in tail(shop.folder, limit=100_000) if line.message == 'at last']

    before = len(debug())
    assert before == 0
    shop.flow.log_level('loud', 'debug')

    def both():
        ask(shop, '/quiet', 'request-debug')
        return len({line.process for line in debug()}) == 2

    wait_until(both)
    assert shop.flow['loud'].log_level == 'DEBUG'
    assert {line.level for line in debug()} == {'DEBUG'}


def test_a_level_stays_when_a_process_is_started_again():
    with Flow(protocol='http').add(name='loud', uses=Loud) as running:
        folder = directory(running)
        running.log_level('loud', 'WARNING')
        running.log_level('gateway', 'ERROR')
        running.scale('loud', 2)
        worker, _ = notice(running).of('loud')
        os.kill(worker.pid, signal.SIGKILL)
        lines(folder, lambda line: line.process == 'supervisor' and 'is started again' in line.message)
        lines(folder, lambda line: line.message == 'constructed', 3)
        running.post('/thread', DocumentArray.empty(1), request_size=1)
        told = lines(folder, lambda line: bool(line.request_id) and bool(line.executor), 4)
        assert 'by logger' not in {line.message for line in told}
        assert 'by another logger' in {line.message for line in told}


def test_levels_that_make_no_sense_are_refused(shop):
    with pytest.raises(SpecError, match=r"level: .*'LOUD'"):
        shop.flow.log_level('loud', 'loud')
    with pytest.raises(SpecError, match="no executor 'lout' runs in flow 'shop'") as error:
        shop.flow.log_level('lout', 'DEBUG')
    assert 'loud' in error.value.help
    shop.flow.log_level('gateway', 'INFO')


def test_the_command_line_shows_lines_and_changes_levels(shop):
    ask(shop, '/thread', 'request-to-be-shown')
    lines(shop.folder, lambda line: line.request_id == 'request-to-be-shown', len(PRINTED) + 1)
    run = CliRunner().invoke
    flow = ['--flow', str(os.getpid())]
    shown = run(main, ['logs', 'loud', *flow, '--request', 'request-to-be-shown', '--level', 'warning'])
    assert shown.exit_code == 0, shown.output
    assert 'WARNING  shop/loud/rep-' in shown.stdout
    assert 'by another logger' in shown.stdout
    assert 'by print' not in shown.stdout
    as_json = run(main, ['logs', 'gateway', *flow, '-n', '1', '--json'])
    assert json.loads(as_json.stdout)['process'] == 'gateway'
    changed = run(main, ['log-level', 'loud', 'info', *flow])
    assert changed.output == 'loud of shop logs from INFO on\n'
    ask(shop, '/thread', 'request-at-info')
    lines(shop.folder, lambda line: line.request_id == 'request-at-info' and line.message == 'by logger')
    for words in (['log-level', 'lout', 'info'], ['logs', 'lout']):
        refused = run(main, [*words, *flow])
        assert refused.exit_code == 1
        assert "'lout'" in refused.output
        assert "did you mean 'loud'?" in refused.output
