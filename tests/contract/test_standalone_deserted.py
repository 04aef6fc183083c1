"""A gateway that runs alone and whose executor is gone: who asks is told so, and not left to wait."""

from __future__ import annotations

import json
from urllib.error import HTTPError

import pytest
from standalone import parts_of
from waiting import wait_until

CODE = """
import os
from headrace import DocumentArray, Executor, requests

class Loud(Executor):
    @requests
    def loud(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text += '!'
            doc.tags['pid'] = os.getpid()
"""
FLOW = """
executors:
  - {name: upper, uses: loud.py:Loud}
gateway: {protocol: http}
"""


def test_without_a_replica_for_a_while_requests_are_refused_at_once_until_one_is_there(tmp_path):
    (tmp_path / 'loud.py').write_text(CODE)
    places = tmp_path / 'places'
    with parts_of(tmp_path, FLOW) as parts:
        first = parts.worker('upper')
        places.write_text(first.address)
        gateway = parts.gateway(f'upper=file:{places}')
        assert gateway.ask()['text'] == 'hello!'
        first.close()
        with pytest.raises(HTTPError) as caught:
            gateway.ask()  # it waits for as long as a restart takes, and no longer
        with caught.value as error:
            problem = json.load(error)
            assert (error.code, error.headers['retry-after']) == (503, '1')
        assert problem['error'] == 'Unavailable'
        assert "executor 'upper' has no replica (file:" in problem['detail']
        assert 'Connection refused' in problem['detail']
        wait_until(lambda: "executor 'upper' has no replica (file:" in gateway.probe('/ready')[1])
        status, told = gateway.page('/ready')
        assert (status, 'Connection refused' in told) == (503, True)
        assert 'Connection refused' in gateway.told('its requests are refused')['message']
        second = parts.worker('upper')
        places.write_text(second.address)
        wait_until(lambda: gateway.probe('/ready')[0] == 200)
        assert gateway.ask()['tags']['pid'] == second.pid
