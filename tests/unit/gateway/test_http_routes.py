"""Routes: which request goes where, and what is said when none fits."""

import pytest

from headrace.errors import SpecError
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.routes import NoRoute, Route, Routes


@pytest.fixture
def routes():
    made = Routes()
    made.add(['POST'], '/index', Route(serve='index', endpoint='/index', summary='Index'))
    made.add(['GET'], '/health', Route(serve='health', summary='Health'))
    return made


def test_a_route_is_found_by_method_and_path(routes):
    assert routes.find('POST', '/index').serve == 'index'


def test_a_slash_at_the_end_makes_no_difference(routes):
    assert routes.find('POST', '/index/').serve == 'index'


def test_head_is_get(routes):
    assert routes.find('HEAD', '/health').serve == 'health'


def test_an_unknown_path_is_a_404_with_a_suggestion(routes):
    with pytest.raises(NoRoute) as caught:
        routes.find('POST', '/indx')
    assert caught.value.path == '/indx'
    assert 'did you mean /index?' in routes.instead_of('/indx')


def test_a_404_lists_endpoints_and_the_docs_and_no_files(routes):
    routes.add(('POST',), '/shown', Route(serve='shown', endpoint='/shown'))
    routes.add(('GET',), '/docs', Route(serve='docs'))
    routes.add(('GET',), '/favicon.ico', Route(serve='icon', is_hidden=True))
    help = routes.instead_of('/favicon.icon')
    assert 'favicon' not in help
    assert '/health' not in help
    assert help.endswith('/shown, /docs')


def test_a_404_names_nothing_that_its_reader_may_not_use(routes):
    routes.add(('POST',), '/admin', Route(serve='admin', endpoint='/admin'))
    routes.add(('GET',), '/docs', Route(serve='docs'))
    asked = []

    def may_use(path, endpoint):
        asked.append((path, endpoint))
        return endpoint == '/index'

    assert routes.instead_of('/admim', may_use) == 'paths: /index'
    assert ('/docs', None) in asked
    assert routes.instead_of('/admim', lambda path, endpoint: False) == ''


def test_a_wrong_method_is_a_405_that_says_which_are_right(routes):
    with pytest.raises(HttpError) as caught:
        routes.find('DELETE', '/health')
    assert caught.value.http_status == 405
    assert caught.value.headers == ((b'allow', b'GET, HEAD, OPTIONS'),)
    assert caught.value.help == 'use one of: GET, HEAD, OPTIONS'


def test_a_get_of_an_endpoint_is_told_when_it_may_be(routes):
    with pytest.raises(HttpError) as caught:
        routes.find('GET', '/index')
    assert caught.value.http_status == 405
    assert "'Accept: text/event-stream'" in caught.value.help


def test_the_fallback_serves_what_no_route_does(routes):
    routes.fallback = lambda method, path: Route(serve=f'{method} {path}')
    assert routes.find('GET', '/page.html').serve == 'GET /page.html'
    assert routes.find('GET', '/index').serve == 'GET /index'
    assert routes.find('POST', '/other').serve == 'POST /other'


def test_the_fallback_is_not_asked_to_post_to_a_page(routes):
    routes.fallback = lambda method, path: Route(serve='default')
    with pytest.raises(HttpError) as caught:
        routes.find('POST', '/health')
    assert caught.value.http_status == 405


def test_two_things_cannot_have_one_route(routes):
    with pytest.raises(SpecError, match='GET /health is there already: Health'):
        routes.add(['get'], '/health', Route(serve='mine', endpoint='/index'))


def test_the_same_endpoint_may_be_described_again(routes):
    routes.add(['POST'], '/index', Route(serve='better', endpoint='/index', summary='Better'))
    assert routes.find('POST', '/index').serve == 'better'


@pytest.mark.parametrize('path', ['index', '/items/{id}', '/a?b=1', ''])
def test_a_route_is_a_plain_path(routes, path):
    with pytest.raises(SpecError, match='not a plain path'):
        routes.add(['GET'], path, Route(serve=None))
