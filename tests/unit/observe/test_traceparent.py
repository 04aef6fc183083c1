"""What is a W3C traceparent, what is not, and what one says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.observe.tracing.traceparent import (
    ids,
    is_chosen,
    is_sampled,
    trace_id,
    unsampled,
    usable,
    usable_state,
)

TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
SPAN = '00f067aa0ba902b7'
GIVEN = f'00-{TRACE}-{SPAN}-01'

hexes = st.text('0123456789abcdef')
trace_ids = st.integers(1, 2**128 - 1).map('{:032x}'.format)
span_ids = st.integers(1, 2**64 - 1).map('{:016x}'.format)
flags = st.integers(0, 255).map('{:02x}'.format)


@given(trace_ids, span_ids, flags)
def test_what_is_written_as_the_standard_says_is_taken_as_it_is(trace, span, flag):
    given = f'00-{trace}-{span}-{flag}'
    assert usable(given) == given
    assert ids(given) == (int(trace, 16), int(span, 16))
    assert trace_id(given) == trace
    assert is_sampled(given) == bool(int(flag, 16) & 1)


@pytest.mark.parametrize(
    'given',
    [
        '',
        'x' * 55,
        f'00-{TRACE}-{SPAN}',
        f'00-{"0" * 32}-{SPAN}-01',
        f'00-{TRACE}-{"0" * 16}-01',
        f'ff-{TRACE}-{SPAN}-01',
        f'00-{TRACE.upper()}-{SPAN}-01',
        f'{GIVEN}-more',
        f'{GIVEN}\n',
        f' {GIVEN}',
        f'01-{TRACE}-{SPAN}-01x',
        f'00-{TRACE}-{SPAN}-0１',
    ],
)
def test_what_is_none_is_taken_for_nothing(given):
    assert usable(given) == ''


@given(st.text(max_size=80))
def test_whatever_comes_what_is_used_can_travel(given):
    made = usable(given)
    assert made == '' or (len(made) == 55 and made.isascii())


def test_a_later_version_is_read_as_far_as_it_is_known():
    assert usable(f'01-{TRACE}-{SPAN}-01-and-more') == GIVEN
    assert usable(f'cc-{TRACE}-{SPAN}-00') == f'00-{TRACE}-{SPAN}-00'


def test_without_a_trace_nothing_is_recorded():
    assert not is_sampled('')
    assert trace_id('') == ''


@given(trace_ids, span_ids, flags)
def test_what_is_not_recorded_continues_its_trace(trace, span, flag):
    made = unsampled(f'00-{trace}-{span}-{flag}')
    assert made == f'00-{trace}-{span}-00'
    assert not is_sampled(made)


def test_what_is_not_recorded_and_has_no_trace_gets_one():
    first, second = unsampled(), unsampled()
    assert usable(first) == first
    assert not is_sampled(first)
    assert trace_id(first) != trace_id(second)


def test_a_ratio_is_the_part_that_is_chosen():
    assert 800 < sum(is_chosen(0.25) for _ in range(4000)) < 1200
    assert not any(is_chosen(0.0) for _ in range(4000))
    assert all(is_chosen(1.0) for _ in range(4000))


keys = st.from_regex(r'[a-z][a-z0-9_*/-]{0,20}(@[a-z][a-z0-9_*/-]{0,13})?', fullmatch=True)
values = st.from_regex(r'[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,20}[\x21-\x2b\x2d-\x3c\x3e-\x7e]', fullmatch=True)
members = st.builds('{}={}'.format, keys, values)


@given(st.lists(members, min_size=1, max_size=12))
def test_a_tracestate_goes_on_as_it_came(given):
    state = ','.join(given).strip(' ')
    assert usable_state(state, GIVEN) == state


@pytest.mark.parametrize(
    'given',
    [
        *(
            '',
            ',',
            'a',
            'a=',
            '=b',
            'A=b',
            'a=b,c',
            'a b=c',
            'a=b\n',
            'a=b\nc',
            'a=ü',
            'a=b=c',
            '@a=b',
            'a@=b',
        ),
        ','.join(f'k{number}=v' for number in range(33)),
        f'{"k" * 257}=v',
        f'k={"v" * 257}',
        'a=b,' * 100_000,
    ],
)
def test_a_tracestate_that_is_none_does_not_go_on(given):
    assert usable_state(given, GIVEN) == ''


def test_a_tracestate_without_a_trace_says_nothing():
    assert usable_state('congo=t61rcWkgMzE', '') == ''


def test_blanks_around_members_and_empty_members_are_allowed():
    assert usable_state(' a=1 , ,b@c=2\t', GIVEN) == 'a=1 , ,b@c=2'
    assert usable_state('7=1', GIVEN) == '7=1'


def test_of_a_tracestate_that_is_too_long_the_long_members_go_first_then_the_oldest():
    long, short = f'long={"x" * 124}', [f'k{number:02}={"x" * 26}' for number in range(16)]  # 30 characters
    assert usable_state(','.join([long, *short]), GIVEN) == ','.join(short)
    many = [f'k{number:02}={"x" * 26}' for number in range(18)]
    assert usable_state(','.join(many), GIVEN) == ','.join(many[:16])


@given(st.text(max_size=700))
def test_whatever_comes_as_a_tracestate_what_is_used_can_travel(given):
    made = usable_state(given, GIVEN)
    assert len(made) <= 512
    assert made.isascii()
    assert made == '' or made.isprintable() or '\t' in made
