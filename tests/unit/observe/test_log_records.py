"""One line of a log: as JSON, as text, and from what was logged."""

from __future__ import annotations

import json
import logging
import re
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.observe.log import Record, line_of, look
from headrace.observe.logcontext import CURRENT, Place, request_id, trace_id
from headrace.observe.loglines import Line, from_json, stamp, to_json, to_text

AT = '2026-11-23T02:29:39.123456Z'
TEXT = st.text(max_size=60)


@given(
    message=TEXT, process=TEXT, ids=st.lists(TEXT, max_size=3), facts=st.dictionaries(TEXT, TEXT, max_size=3)
)
def test_a_line_comes_back_from_its_json_which_is_one_line(message, process, ids, facts):
    line = Line(time=AT, level='INFO', message=message, process=process, request_ids=tuple(ids), facts=facts)
    data = to_json(line)
    assert b'\n' not in data
    assert b'\x1e' not in data
    assert from_json(data) == line


def test_what_json_has_no_form_for_is_its_str():
    line = Line(time=AT, level='INFO', facts={'path': {1, 2} - {2}, 'kind': int})
    assert json.loads(to_json(line))['facts'] == {'path': [1], 'kind': "<class 'int'>"}


class Unspeakable:
    def __str__(self):
        raise RuntimeError('no')


def test_whatever_is_logged_is_a_line():
    own = []
    own.append(own)
    facts = {'half': '\ud800', 'list': own, 'thing': Unspeakable(), 'fine': 1}
    told = json.loads(to_json(Line(time=AT, level='INFO', message='\ud800 said', facts=facts)))
    assert told['message'] == '\\ud800 said'
    assert told['facts'] == {
        'half': '\\ud800',
        'list': '[[...]]',
        'thing': '<no text: RuntimeError>',
        'fine': '1',
    }


@given(message=TEXT, process=TEXT)
def test_text_never_has_a_line_of_somebody_elses_making(message, process):
    text = to_text(Line(time=AT, level='INFO', process=process, message=message))
    first, *more = text.split('\n')
    assert re.match(r'\d\d:\d\d:39\.123 INFO     ', first)
    assert all(line.startswith('    ') for line in more)
    assert not re.search(r'[\x00-\x08\x0b-\x1f\x7f-\x9f]', text.replace('\n', ''))


def test_colours_of_captured_output_stay_only_where_there_are_colours():
    line = Line(time=AT, level='INFO', message='\x1b[31mred\x1b[0m \x1b]0;title\x07')
    assert '\x1b[31mred' in to_text(line, coloured=True)
    assert '\x1b]0' not in to_text(line, coloured=True)
    assert '\x1b' not in to_text(line)


@pytest.mark.parametrize(
    ('wanted', 'is_terminal', 'colours', 'expected'),
    [
        ('auto', True, None, (False, True)),
        ('auto', True, False, (False, False)),
        ('auto', False, None, (True, False)),
        ('auto', False, True, (True, False)),
        ('text', False, None, (False, False)),
        ('text', False, True, (False, True)),
        ('json', True, True, (True, False)),
    ],
)
def test_how_lines_look_depends_on_who_reads(wanted, is_terminal, colours, expected):
    stream = SimpleNamespace(isatty=lambda: is_terminal)
    assert look(wanted, stream, colours=colours) == expected


def test_a_notebook_is_read_by_a_person():
    notebook = type('OutStream', (), {'__module__': 'ipykernel.iostream', 'isatty': lambda self: False})()
    assert look('auto', notebook) == (False, False)
    assert look('auto', None).is_json


def record(level=logging.INFO, message='said %s', args=('so',), exc_info=None, **extra):
    made = logging.getLogger('some.where').makeRecord(
        'some.where', level, 'file.py', 1, message, args, exc_info, extra=extra
    )
    return made


def test_what_was_logged_becomes_a_line():
    line = line_of(record(size=3, password='geheim'), {'process': 'it', 'flow': 'shop'})
    assert (line.message, line.level, line.logger) == ('said so', 'INFO', 'some.where')
    assert (line.process, line.flow) == ('it', 'shop')
    assert line.facts == {'size': 3, 'password': '***'}


def test_levels_that_somebody_made_up_are_the_known_ones_below():
    logging.addLevelName(25, 'NOTICE')
    assert line_of(record(25), {}).level == 'INFO'
    assert line_of(record(5), {}).level == 'DEBUG'


def test_a_traceback_belongs_to_its_line():
    try:
        raise ValueError('mine')
    except ValueError:
        line = line_of(record(exc_info=sys.exc_info()), {})
    assert line.error.startswith('Traceback')
    assert line.error.endswith('ValueError: mine')
    assert to_text(line).endswith('\n    ValueError: mine')


def test_a_record_keeps_the_request_that_it_was_made_for():
    asked = SimpleNamespace(request_id='abc', trace='00-' + 'a' * 32 + '-' + 'b' * 16 + '-01')
    before = CURRENT.set((Place('encoder', 'rep-0', '/encode'), asked))
    try:
        made = Record('some.where', logging.INFO, 'file.py', 1, 'said', (), None)
        assert (request_id(), trace_id()) == ('abc', 'a' * 32)
    finally:
        CURRENT.reset(before)
    line = line_of(made, {'process': 'it', 'executor': 'other'})
    assert (line.executor, line.replica, line.endpoint) == ('encoder', 'rep-0', '/encode')
    assert (line.request_id, line.trace_id, line.span_id) == ('abc', 'a' * 32, 'b' * 16)
    assert (request_id(), trace_id()) == ('', '')


def test_a_batch_names_a_few_of_its_requests_and_counts_all():
    asked = tuple(SimpleNamespace(request_id=f'r{n}', trace='') for n in range(5))
    before = CURRENT.set((Place('encoder', 'rep-0', '/encode'), asked))
    try:
        line = line_of(record(), {})
    finally:
        CURRENT.reset(before)
    assert (line.request_id, line.requests, line.request_ids) == ('r0', 5, ('r0', 'r1', 'r2'))
    assert to_text(line).endswith('requests=5 request_id=r0')


@given(st.floats(min_value=0, max_value=4e9), st.floats(min_value=0, max_value=4e9))
def test_stamps_sort_as_times_do(one, other):
    assert (stamp(one) <= stamp(other)) or one > other


def test_names_of_facts_stay_on_their_line():
    line = Line(time=stamp(0), level='INFO', message='m', facts={'a\n00:00:00 CRITICAL gateway forged': 1})
    assert '\n' not in to_text(line)
