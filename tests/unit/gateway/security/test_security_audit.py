"""The audit log: one line for each refusal, whatever clients put in it, and few under a flood."""

from __future__ import annotations

import json
import logging
import os
import stat

import pytest
from waiting import until

from headrace.errors import ExecutorFailure, Forbidden, TooLarge, Unauthenticated, Unavailable
from headrace.gateway.audit import LINES_PER_S, Audit, is_refusal
from headrace.gateway.identity import Identity


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def refuse(audit: Audit, error: Exception, identity: Identity | None = None, endpoint: str = '/a') -> None:
    audit.refused(error, identity, protocol='http', endpoint=endpoint, request_id='r-1', host='10.0.0.7')


def lines(caplog) -> list[dict]:
    return [json.loads(record.message) for record in caplog.records if record.name == 'headrace.audit']


def test_a_line_says_who_whence_what_and_why(caplog):
    refuse(Audit(), Forbidden("'shop' may not call '/a'"), Identity('key:shop', 'shop', 'key', '10.0.0.1'))
    (line,) = lines(caplog)
    assert line.pop('time').endswith('Z')
    assert line == {
        'event': 'refused',
        'status': 403,
        'reason': 'Forbidden',
        'detail': "'shop' may not call '/a'",
        'who': 'shop',
        'host': '10.0.0.1',
        'protocol': 'http',
        'endpoint': '/a',
        'request_id': 'r-1',
    }


def test_what_clients_send_stays_on_its_line(caplog):
    refuse(Audit(), Unauthenticated('no'), endpoint='/a\nstatus=200\r\u2028\u202e' + 'x' * 10_000)
    (record,) = [record for record in caplog.records if record.name == 'headrace.audit']
    assert len(record.message.splitlines()) == 1
    assert record.message.isascii()
    assert len(record.message) < 1000


def test_errors_that_refuse_nothing_are_not_for_this_log(caplog):
    for error in (ExecutorFailure('it failed'), Unavailable('gone'), ValueError('no')):
        assert not is_refusal(error)
        refuse(Audit(), error)
    assert is_refusal(TooLarge('large'))
    assert lines(caplog) == []


def test_a_flood_is_told_in_few_lines(caplog):
    clock = Clock()
    audit = Audit(clock=clock)
    for _ in range(5000):
        refuse(audit, Unauthenticated('no'))
    refuse(audit, TooLarge('another reason has lines of its own'))
    assert len(lines(caplog)) == LINES_PER_S + 1
    clock.now += 1
    refuse(audit, Unauthenticated('no'))
    *_, summary, last = lines(caplog)
    assert (summary['reason'], summary['more']) == ('Unauthenticated', 5000 - LINES_PER_S)
    assert last['status'] == 401
    audit.close()


async def test_the_end_of_a_flood_is_told_though_nobody_calls_any_more(caplog):
    audit = Audit(clock=Clock())
    for _ in range(LINES_PER_S + 7):
        refuse(audit, Unauthenticated('no'))
    await until(lambda: len(lines(caplog)) > LINES_PER_S)
    assert lines(caplog)[-1]['more'] == 7
    audit.close()


@pytest.mark.skipif(os.name != 'posix', reason='permissions')
def test_the_file_is_private_and_may_be_moved_away(tmp_path):
    logging.getLogger('headrace.audit').setLevel(logging.WARNING)
    file = tmp_path / 'audit.log'
    audit = Audit(str(file))
    refuse(audit, Unauthenticated('no'))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.rename(tmp_path / 'audit.log.1')
    refuse(audit, Unauthenticated('no'))
    audit.close()
    for each in (file, tmp_path / 'audit.log.1'):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
        assert [json.loads(line)['status'] for line in each.read_text().splitlines()] == [401]


def test_a_file_that_cannot_be_begun_anew_keeps_no_call_from_being_refused(tmp_path, caplog):
    folder = tmp_path / 'logs'
    folder.mkdir()
    audit = Audit(str(folder / 'audit.log'))
    refuse(audit, Forbidden('no'))
    folder.rename(tmp_path / 'moved')
    refuse(audit, Forbidden('no'))
    assert len(lines(caplog)) == 2
    assert 'cannot be begun anew' in caplog.text
    folder.mkdir()
    refuse(audit, Forbidden('no'))
    assert len((folder / 'audit.log').read_text().splitlines()) == 1
    audit.close()
