import pytest

from headrace import BaseDoc
from headrace.documents.schema import schema_of
from headrace.errors import SpecError
from headrace.pipeline import Node
from headrace.pipeline.condition import Condition
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.offer import offer


class Photo(BaseDoc):
    uri: str


class Vector(BaseDoc):
    uri: str
    norm: float


class Sold(BaseDoc):
    price: float


def node(name, takes, gives, needs='gateway', endpoint='/x', **fields):
    info = EndpointInfo(endpoint, 'docs', schema_of(takes), schema_of(gives), **fields)
    return Node(name, None, (needs,) if isinstance(needs, str) else needs, ExecutorInfo(name, (info,)))


def test_an_endpoint_takes_what_the_first_takes_and_gives_what_the_last_gives():
    nodes = [
        node('load', Photo, Photo, doc='Loads.', parameters={'title': 'P'}),
        node('embed', Photo, Vector, 'load', doc='Finds.'),
    ]
    info = offer('shop', nodes, title='Shop')
    (endpoint,) = info.endpoints
    assert (endpoint.input.name, endpoint.output.name) == ('Photo', 'Vector')
    assert endpoint.doc == 'Finds.'
    assert endpoint.parameters == {'title': 'P'}
    assert [executor.name for executor in info.executors] == ['load', 'embed']
    assert info.title == 'Shop'


def test_an_executor_without_the_endpoint_is_passed_by():
    nodes = [
        node('load', Photo, Photo),
        node('other', Sold, Sold, 'load', '/other'),
        node('embed', Photo, Vector, 'other'),
    ]
    ways = {
        endpoint.name: (endpoint.input.name, endpoint.output.name) for endpoint in offer('f', nodes).endpoints
    }
    assert ways == {'/x': ('Photo', 'Vector'), '/other': ('Sold', 'Sold')}


def test_the_default_endpoint_takes_part_in_every_way():
    nodes = [node('any', Photo, Vector, endpoint='/default'), node('sell', Sold, Sold, 'any')]
    with pytest.raises(
        SpecError, match=r"'sell' does not accept what 'any' gives it at endpoint '/x'.*price"
    ):
        offer('f', nodes)


@pytest.mark.parametrize('needs', ['load', ('load', 'side')])
def test_what_does_not_fit_names_edge_endpoint_and_field(needs):
    nodes = [node('load', Photo, Photo), node('side', Photo, Vector), node('sell', Sold, Sold, needs)]
    with pytest.raises(SpecError, match=r"(?s)'sell'.*'load'.*'/x'.*price.*help: change.*Photo.*Sold"):
        offer('f', nodes)


def test_a_join_passes_on_what_both_branches_give():
    nodes = [
        node('left', Photo, Photo),
        node('right', Photo, Vector),
        Node('join', None, ('left', 'right')),
        node('end', Photo, Sold, 'join'),
    ]
    assert offer('f', nodes).endpoints[0].output.name == 'Sold'


def test_a_flow_of_nothing_offers_nothing():
    assert offer('f', []).endpoints == ()


def conditional(name, takes, gives, when, needs='gateway'):
    made = node(name, takes, gives, needs)
    made.when = Condition(when)
    return made


def test_a_condition_asks_for_fields_that_the_documents_have():
    offer('f', [conditional('a', Photo, Photo, {'uri': {'$regex': 'png$'}})])
    with pytest.raises(SpecError, match=r"when of 'a'.*no field 'url'\n.*did you mean 'uri'"):
        offer('f', [conditional('a', Photo, Photo, {'url': {'$regex': 'png$'}})])
    with pytest.raises(SpecError, match=r"the field 'norm' of Vector is a float"):
        offer('f', [node('v', Photo, Vector), conditional('a', Vector, Vector, {'norm': '1'}, 'v')])


def test_what_passes_around_has_to_fit_beside_what_the_executor_gives():
    with pytest.raises(SpecError, match=r"'a' has a condition.*\(Photo\).*\(Vector\).*norm"):
        offer('f', [conditional('a', Photo, Vector, {'uri': 'x'})])


def test_a_floating_executor_has_no_part_in_what_a_flow_gives():
    aside = node('aside', Photo, Sold, 'load')
    aside.floating = True
    (endpoint,) = offer('f', [node('load', Photo, Photo), aside]).endpoints
    assert endpoint.output.name == 'Photo'
    alone = node('alone', Photo, Sold)
    alone.floating = True
    (endpoint,) = offer('f', [alone]).endpoints
    assert (endpoint.input.name, endpoint.output.name) == ('Photo', 'Photo')
