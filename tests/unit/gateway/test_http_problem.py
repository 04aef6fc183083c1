"""Errors as problem+json: what clients see of them, and what they must not see."""

import logging

import msgspec
import pytest

from headrace.errors import (
    DeadlineExceeded,
    EndpointNotFound,
    ExecutorFailure,
    Overloaded,
    Unavailable,
)
from headrace.gateway.http.problem import HttpError, respond
from headrace.observe.paths import hide_paths


def problem(error, **options):
    response = respond(error, request_id='r1', **options)
    assert response.content_type == b'application/problem+json'
    return response, msgspec.json.decode(response.body)


def test_an_error_keeps_its_status_message_and_help():
    response, found = problem(EndpointNotFound("no executor serves '/a/b'", help="did you mean '/b'?"))
    assert response.status == 404
    assert found == {
        'title': 'Not Found',
        'status': 404,
        'detail': "no executor serves '/a/b'",
        'help': "did you mean '/b'?",
        'request_id': 'r1',
        'error': 'EndpointNotFound',
    }


def test_an_unexpected_error_says_nothing_but_is_logged_with_its_request(caplog):
    with caplog.at_level(logging.ERROR, logger='headrace.gateway'):
        response, found = problem(KeyError('/srv/secret/key'), endpoint='/x')
    assert response.status == 500
    assert 'secret' not in str(found)
    assert 'r1' in caplog.text
    assert 'secret' in caplog.text


def test_in_development_an_unexpected_error_is_shown():
    _, found = problem(KeyError('/srv/models/key'), development=True)
    assert found['detail'] == "KeyError: '/srv/models/key'"


def failure():
    return ExecutorFailure(
        "executor 'enc' failed in /shop/index: no file '/srv/models/v2/net.onnx'",
        executor='enc',
        endpoint='/shop/index',
        traceback='File "/srv/app/enc.py", line 3',
    )


def test_a_failing_executor_is_named_without_paths_or_traceback():
    response, found = problem(failure(), endpoint='/shop/index')
    assert response.status == 500
    assert found['executor'] == 'enc'
    assert found['detail'] == "executor 'enc' failed in /shop/index: no file 'net.onnx'"
    assert 'traceback' not in found
    assert b'/srv' not in response.body


def test_in_development_the_traceback_is_shown():
    _, found = problem(failure(), endpoint='/shop/index', development=True)
    assert found['traceback'] == 'File "/srv/app/enc.py", line 3'
    assert '/srv/models/v2/net.onnx' in found['detail']


@pytest.mark.parametrize(
    ('error', 'status', 'wait'),
    [
        (Overloaded('full', retry_after_s=2.6), 429, b'3'),
        (Overloaded('full', retry_after_s=0.1), 429, b'1'),
        (Unavailable('nobody'), 503, b'1'),
    ],
)
def test_what_may_work_later_says_when(error, status, wait):
    response, _ = problem(error)
    assert response.status == status
    assert dict(response.headers)[b'retry-after'] == wait


def test_a_deadline_is_a_504():
    response, _ = problem(DeadlineExceeded('late'))
    assert response.status == 504


def test_an_http_error_has_its_own_headers_and_no_class_name():
    response, found = problem(HttpError(405, 'no', headers=((b'allow', b'GET'),)))
    assert response.status == 405
    assert response.headers == ((b'allow', b'GET'),)
    assert 'error' not in found


@pytest.mark.parametrize(
    ('text', 'hidden'),
    [
        ('at /usr/lib/python3/x.py:12', 'at x.py:12'),
        (r"open 'C:\Users\me\net.onnx'", "open 'net.onnx'"),
        ('see https://example.org/a/b', 'see https://example.org/a/b'),
        ('1/2 and a/b/c', '1/2 and a/b/c'),
        ('endpoint /index', 'endpoint /index'),
    ],
)
def test_paths_of_files_are_cut_down_to_names(text, hidden):
    assert hide_paths(text) == hidden
