import typing

import msgspec
import pytest

from headrace import Executor, Flow
from headrace.errors import HeadraceError, SpecError
from headrace.flow.settings import ExecutorSettings, FlowSettings, GatewaySettings
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec
from headrace.spec.fields import canonical
from headrace.spec.records import INNER


class Encoder(Executor):
    pass


def names(typed_dict):
    return {canonical(name) for name in typing.get_type_hints(typed_dict)}


def test_keyword_arguments_are_those_of_the_records():
    gateway = set(GatewaySpec.__struct_fields__) - set(INNER)
    assert names(GatewaySettings) == gateway
    assert names(FlowSettings) == gateway | set(FlowSpec.__struct_fields__) - {
        'name',
        'executors',
        'gateway',
        *INNER,
    }
    assert set(typing.get_type_hints(ExecutorSettings)) == set(ExecutorSpec.__struct_fields__) - {
        'name',
        'uses',
        'needs',
        'join',
        *INNER,
    }


def test_add_returns_a_new_flow():
    empty = Flow()
    one = empty.add(uses=Encoder)
    two = one.add(uses=Encoder, name='last')
    assert [len(flow) for flow in (empty, one, two)] == [0, 1, 2]
    assert [executor.name for executor in two] == ['executor0', 'last']
    assert two['last'].needs == ('executor0',)
    assert two[0].uses is Encoder


def test_branches_and_joins():
    flow = Flow().add(name='a').add(name='b', needs='a').add(name='c', needs='a').needs_all(name='end')
    assert flow['end'].needs == ('b', 'c')
    assert flow['end'].join
    assert Flow().add(name='a').add(name='b', needs='gateway').needs(['a', 'b'])['joiner'].needs == ('a', 'b')


def test_config_gateway_keeps_what_it_does_not_name():
    flow = Flow(port=8080, protocol='http', title='Shop').config_gateway(title='Other', cors=True)
    assert flow.spec.gateway.doors == {'http': 8080}
    assert flow.spec.gateway.title == 'Other'
    assert flow.spec.gateway.cors == ('*',)


def test_expose_endpoint_does_not_change_the_flow_it_is_called_on():
    flow = Flow(protocol='http')
    exposed = flow.expose_endpoint('/search', path='/v1/search', methods=['GET'], tags=['shop'])
    assert flow.spec.gateway.expose == ()
    assert exposed.spec.gateway.expose[0].path == '/v1/search'
    assert exposed.spec.gateway.expose[0].methods == ('GET',)


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: Flow(prot=1), r"Flow\(\): .*'prot'.*(port|protocol)"),
        (lambda: Flow(port='many'), r'Flow\(\).*port'),
        (lambda: Flow(port=[1, 2]), r'2 ports for 1 door '),
        (lambda: Flow().add(uses_wiht={}), r"Flow\.add\(\).*did you mean 'uses_with'"),
        (lambda: Flow().add(needs='nobody'), r"'nobody', which does not exist"),
        (lambda: Flow().add(name='1x'), r'Python identifier'),
        (lambda: Flow().add(name='a').add(name='a'), r"two executors are called 'a'"),
        (lambda: Flow(place='mars'), r'place'),
        (lambda: Flow().on('mars'), r'place'),
        (lambda: Flow().config_gateway(titel='x'), r'config_gateway\(\).*title'),
        (lambda: Flow().expose_endpoint('/x', methods=['FETCH']), r'FETCH|methods'),
    ],
)
def test_a_wrong_argument_says_what_was_meant(make, message):
    with pytest.raises(SpecError, match=f'(?s){message}'):
        make()


def test_a_flow_is_equal_to_one_made_alike():
    assert Flow().add(uses=Encoder) == Flow().add(uses=Encoder)
    assert Flow().add(uses=Encoder) != Flow().add(uses='x:Y')


def test_repr_shows_the_way_of_the_documents():
    assert repr(Flow('shop').add(name='encode').add(name='index')) == '<Flow shop: encode -> index>'
    branches = Flow('shop').add(name='text').add(name='image', needs='gateway').needs_all(name='both')
    assert repr(branches) == '<Flow shop: text, image, both>'
    assert repr(Flow('shop')) == '<Flow shop: no executors>'
    with Flow('shop', place='in-process').add(name='index') as running:
        assert repr(running) == '<Flow shop: index, running>'


def test_what_does_not_run_says_so():
    with pytest.raises(HeadraceError, match='does not run'):
        Flow().post('/')
    assert not Flow().is_flow_ready()
    Flow().close()


def test_plan_prints_a_table_of_processes():
    text = str(Flow(protocol=['grpc', 'http'], port=[51000, 0]).add(uses=Encoder, name='encode').plan())
    assert 'gateway' in text
    assert 'encode' in text
    assert '51000' in text


def test_the_spec_is_frozen():
    with pytest.raises(AttributeError):
        Flow().spec.name = 'other'
    assert isinstance(Flow().spec, msgspec.Struct)


def test_a_flow_that_runs_cannot_be_started_twice():
    with Flow(place='in-process') as flow, pytest.raises(HeadraceError, match='runs already'):
        flow.start()


async def test_a_synchronous_flow_inside_a_running_event_loop():
    """As in a notebook: the cell is not asynchronous, but a loop is running."""
    with Flow(place='in-process').add() as flow:
        assert flow.post('/', {'text': 'x'}).texts == ['x']


async def test_an_asynchronous_flow_is_started_and_closed_by_await():
    flow = Flow(place='in-process', asyncio=True).add()
    assert await flow.start() is flow
    assert (await flow.post('/', {'text': 'x'})).texts == ['x']
    with pytest.raises(HeadraceError, match='runs already'):
        await flow.start()
    await flow.close()
    await flow.close()
    with pytest.raises(HeadraceError, match='does not run'):
        flow.post('/')


async def test_the_wrong_kind_of_with_says_which_is_right():
    with pytest.raises(HeadraceError, match='(?s)asynchronous.*async with'), Flow(asyncio=True):
        pass
    with pytest.raises(HeadraceError, match='(?s)synchronous.*asyncio=True'):
        async with Flow():
            pass


def test_an_executor_that_cannot_be_loaded_is_named():
    with pytest.raises(HeadraceError, match="executor 'colour': .*no file"):
        Flow().add(uses='colour.py:Store', name='colour').check()


@pytest.mark.parametrize('place', ['local', 'in-process'])
def test_a_class_that_is_no_executor_is_refused(place):
    with pytest.raises(HeadraceError, match="(?s)executor 'd'.*dict.*is not an executor"):
        Flow(place=place).add(uses=dict, name='d').start()
