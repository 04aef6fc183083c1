"""Which request a line belongs to."""

import pytest

from headrace.observe.logcontext import CURRENT, Named, Place, request_id, said_of, told, trace_id

TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'


def test_a_request_of_which_only_the_name_is_known_is_one_request():
    with said_of(Named('abc', TRACE), '/search'):
        found = told(CURRENT.get())
        assert (request_id(), trace_id()) == ('abc', TRACE.split('-')[1])

    assert found['request_id'] == 'abc'
    assert 'requests' not in found
    assert request_id() == ''


@pytest.mark.parametrize('count', [2, 5])
def test_a_batch_names_the_first_few_of_its_requests(count):
    requests = tuple(Named(f'r{number}') for number in range(count))

    found = told((Place('encoder', 'rep-0', '/'), requests))

    assert found['requests'] == count
    assert found['request_ids'] == ('r0', 'r1', 'r2')[:count]
    assert found['executor'] == 'encoder'
