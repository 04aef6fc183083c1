"""A gateway that runs alone, and the only replica of an executor: silent, since it is busy; started again."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

from standalone import parts_of
from waiting import wait_until

CODE = """
import ctypes, os
from headrace import DocumentArray, Executor, requests

class Busy(Executor):
    @requests(on='/say')
    def say(self, docs: DocumentArray, **kwargs):
        docs.text = ['here'] * len(docs)

    @requests(on='/hold')
    def hold(self, docs: DocumentArray, parameters, **kwargs):
        # As an extension in C that keeps the interpreter: until there is a byte to read.
        gate = os.open(parameters['gate'], os.O_RDWR)
        ctypes.PyDLL(None).read(gate, ctypes.create_string_buffer(1), 1)
        os.close(gate)
"""
FLOW = """
executors: [{name: busy, uses: 'busy.py:Busy'}]
gateway: {protocol: http}
"""


def test_an_executor_whose_replica_is_silent_or_starts_again_can_work(tmp_path):
    (tmp_path / 'busy.py').write_text(CODE)
    gate, places = tmp_path / 'gate', tmp_path / 'places'
    os.mkfifo(gate)
    with parts_of(tmp_path, FLOW) as parts, ThreadPoolExecutor(1) as pool:
        worker = parts.worker('busy')
        places.write_text(worker.address)
        gateway = parts.gateway(f'busy=file:{places}')
        gateway.ready()
        door = os.open(gate, os.O_RDWR)  # so that to write never waits for who reads
        try:
            asked = pool.submit(gateway.ask, endpoint='/hold', gate=str(gate))

            def states():
                assert gateway.probe('/ready') == (200, 'ok\n')
                assert gateway.page('/ready')[0] == 200
                (executor,) = json.loads(gateway.page('/status')[1])['executors']
                return {*executor['replicas'].values()}

            wait_until(lambda: states() == {'suspect'})
        finally:
            os.write(door, b'x')
            os.close(door)
        assert asked.result()['text'] == 'hello'
        wait_until(lambda: states() == {'healthy'})
        worker.close()
        wait_until(lambda: states() == {'lost'})  # and it is ready as long as requests wait
        again = parts.worker('busy')
        again.ready()
        places.write_text(again.address)
        assert gateway.ask(endpoint='/say')['text'] == 'here'
