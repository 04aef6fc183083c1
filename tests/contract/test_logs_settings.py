"""How the settings of a Flow decide what is printed, from which level on, and what is left at its end."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import pytest
from loglines import directory, lines

from headrace import DocumentArray, Executor, Flow, requests
from headrace.errors import HeadraceError


class Talker(Executor):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        print('constructed')

    @requests(on='/talk')
    def talk(self, docs, **kwargs):
        self.logger.info('by logger')
        logging.getLogger('some.library').warning('by another logger')

    @requests(on='/quiet')
    def quiet(self, docs, **kwargs):
        self.logger.debug('at last')


def test_lines_are_printed_as_they_are_wanted(capfd):
    for form in ('json', 'text'):
        flow = Flow(observe={'logs': {'format': form, 'level': 'WARNING'}}, protocol='http')
        with flow.add(name='loud', uses=Talker) as running:
            running.post('/talk', DocumentArray.empty(1))
        printed = capfd.readouterr()
        assert printed.out == ''
        told = [line for line in printed.err.splitlines() if line.strip()]
        if form == 'json':
            parsed = [json.loads(line) for line in told]
            assert {line['process'] for line in parsed} == {'loud'}
            assert 'by another logger' in {line['message'] for line in parsed}
        else:
            assert any('WARNING  loud  by another logger  request_id=' in line for line in told)
        assert 'by logger' not in printed.err  # it is below the level


def test_an_executor_has_its_own_level_from_the_start(capfd):
    flow = Flow(observe={'logs': {'level': 'ERROR', 'format': 'json'}}, protocol='http')
    with flow.add(name='quiet', uses=Talker).add(name='loud', uses=Talker, log_level='DEBUG') as running:
        running.post('/quiet', DocumentArray.empty(1))
        (line,) = lines(directory(running), lambda line: line.message == 'at last')
        assert line.process == 'loud'


def test_nothing_stays_when_the_flow_has_ended():
    with Flow(protocol='http').add(name='loud', uses=Talker) as running:
        folder = directory(running)
        lines(folder, lambda line: line.message == 'constructed')
    assert not os.path.exists(folder)


def test_a_flow_in_this_process_has_levels_of_its_executors():
    with Flow(place='in-process').add(name='loud', uses=Talker) as flow:
        flow.log_level('loud', 'ERROR')
        logger = logging.getLogger('headrace.executor.loud')
        try:
            assert logger.level == logging.ERROR
        finally:
            logger.setLevel(logging.NOTSET)
        with pytest.raises(HeadraceError):
            flow.log_level('gateway', 'ERROR')
