"""Random and hand-made graphs: order, cycles, ends and names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import Flow
from headrace.errors import SpecError
from headrace.spec import GATEWAY, ExecutorSpec, FlowSpec, GatewaySpec, check, last, order, terminals
from headrace.spec.external import addresses
from headrace.spec.graph import check_growing, find_cycle


def flow(**needs: tuple[str, ...]) -> FlowSpec:
    return FlowSpec(executors=tuple(ExecutorSpec(name=name, needs=of) for name, of in needs.items()))


@st.composite
def dags(draw: st.DrawFn) -> FlowSpec:
    """A random graph with one end, its executors in a random order."""
    count = draw(st.integers(1, 12))
    names = [f'e{index}' for index in range(count)]
    needs: dict[str, tuple[str, ...]] = {}
    for index, name in enumerate(names):
        possible = [GATEWAY, *names[:index]]
        needs[name] = tuple(draw(st.lists(st.sampled_from(possible), min_size=1, max_size=4, unique=True)))
    open_ends = [name for name in names if not any(name in of for of in needs.values())]
    needs['end'] = tuple(open_ends)
    shuffled = draw(st.permutations(list(needs)))
    return flow(**{name: needs[name] for name in shuffled})


@given(dags())
def test_order_puts_each_executor_after_what_it_needs(spec: FlowSpec) -> None:
    check(spec)
    seen = {GATEWAY}
    for executor in order(spec):
        assert seen.issuperset(executor.needs)
        seen.add(executor.name)
    assert len(seen) == len(spec.executors) + 1
    assert [end.name for end in terminals(spec)] == ['end']


@given(dags(), st.data())
def test_a_cycle_is_found_and_named(spec: FlowSpec, data: st.DataObject) -> None:
    """An edge from any executor back to one that leads to it closes a circle."""
    needs = {executor.name: executor.needs for executor in spec.executors}
    start = data.draw(st.sampled_from(list(needs)))
    ancestors = {start}
    for executor in reversed(order(spec)):
        if executor.name in ancestors:
            ancestors |= set(executor.needs) - {GATEWAY}
    target = data.draw(st.sampled_from(sorted(ancestors)))
    needs[target] = (*needs[target], start)
    circle = find_cycle(needs)
    assert circle
    for name, following in zip(circle, [*circle[1:], circle[0]], strict=True):
        assert following in needs[name]
    if target != start and start not in spec[target].needs:
        with pytest.raises(SpecError, match='in a circle: ' + ' -> '.join([*circle, circle[0]])):
            check(flow(**needs))


def test_order_keeps_the_written_order_where_it_can() -> None:
    spec = flow(b=('gateway',), a=('gateway',), c=('a', 'b'))
    assert [executor.name for executor in order(spec)] == ['b', 'a', 'c']


def test_order_of_a_wrong_graph_is_the_error_of_check() -> None:
    with pytest.raises(SpecError, match='a -> b -> a'):
        order(flow(a=('b',), b=('a',)))


def test_empty_needs_mean_the_request() -> None:
    assert ExecutorSpec(name='a', needs=()).needs == (GATEWAY,)


def test_last_is_the_newest_or_the_gateway() -> None:
    assert last(FlowSpec()) == GATEWAY
    assert last(flow(a=(), b=('a',))) == 'b'


def test_a_flow_without_executors_is_sound() -> None:
    check(FlowSpec())
    assert order(FlowSpec()) == terminals(FlowSpec()) == ()


@pytest.mark.parametrize(
    ('spec', 'message', 'help'),
    [
        (flow(a=('a',)), r"executors\[0\].needs\[0\]: executor 'a' needs itself", 'take it out'),
        (flow(encoder=(), b=('encodr',)), "needs 'encodr', which does not exist", "did you mean 'encoder'"),
        (flow(a=(), b=('a', 'a')), "needs 'a' twice", 'once'),
        (flow(a=(), b=(), c=('a',)), r'ends in 2 places \(b, c\)', 'needs: .b, c.'),
        (flow(**{'my-encoder': ()}), "'my-encoder' cannot be the name", "'my_encoder'"),
        (flow(**{'2nd': ()}), "'2nd' cannot", "'e_2nd'"),
        (flow(**{'class': ()}), "'class' cannot", "'e_class'"),
        (flow(gateway=()), 'front door', 'another name'),
        (
            FlowSpec(executors=(ExecutorSpec(name='a'), ExecutorSpec(name='a'))),
            r"two executors are called 'a' \(the first is executors\[0\]\)",
            'rename',
        ),
        (FlowSpec(gateway=GatewaySpec(protocols=('http', 'http'))), 'listed twice', ''),
        (
            FlowSpec(gateway=GatewaySpec(protocols=('grpc', 'http'), ports=(1,))),
            '1 port for 2 doors',
            'one port for grpc',
        ),
        (
            FlowSpec(gateway=GatewaySpec(protocols=('grpc', 'http'), ports=(8, 8))),
            'share a port',
            'free port',
        ),
    ],
)
def test_what_cannot_run_is_refused_with_a_remedy(spec: FlowSpec, message: str, help: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        check(spec)
    assert help.replace('.', '') in caught.value.help.replace('[', '').replace(']', '')


def test_open_ends_are_allowed_while_a_flow_grows() -> None:
    check_growing(flow(a=(), b=()))
    with pytest.raises(SpecError, match='a -> b -> a'):
        check_growing(flow(a=('b',), b=('a',)))


def test_two_free_ports_are_not_the_same_port() -> None:
    check(FlowSpec(gateway=GatewaySpec(protocols=('grpc', 'http'), ports=(0, 0))))
    assert GatewaySpec(protocols=('grpc', 'http')).doors == {'grpc': 0, 'http': 0}


def refused(*executors: ExecutorSpec) -> str:
    with pytest.raises(SpecError) as caught:
        check(FlowSpec(executors=executors))
    return str(caught.value)


def test_a_floating_executor_is_no_end_and_nobody_comes_after_it_by_default() -> None:
    spec = FlowSpec(
        executors=(
            ExecutorSpec(name='a'),
            ExecutorSpec(name='aside', needs=('a',), floating=True),
        )
    )
    check(spec)
    assert [end.name for end in terminals(spec)] == ['a']
    assert last(spec) == 'a'


def test_who_waits_for_a_floating_executor_has_to_float_too() -> None:
    floating = ExecutorSpec(name='aside', floating=True)
    check(FlowSpec(executors=(floating, ExecutorSpec(name='b', needs=('aside',), floating=True))))
    message = refused(floating, ExecutorSpec(name='b', needs=('aside',)))
    assert "executors[1].needs[0]: executor 'b' needs 'aside', which is floating" in message


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'when': {'tags__x': {'$lte_': 1}}}, r"executors\[0\].when: .*'\$lte_'.*\n.*did you mean '\$lte'"),
        ({'when': {'$and': {'x': 1}}}, r'executors\[0\].when: .*\$and takes a list'),
        ({'when': {'x': 1}, 'join': True}, 'only joins'),
        ({'external': True}, 'nothing says where it is'),
        ({'external': True, 'host': ('there',)}, "no port in 'there'"),
        ({'external': True, 'host': ('http://there:80',)}, r"not 'http'\n.*schemes: grpc, grpcs"),
        ({'external': True, 'port': (80,), 'uses': 'a:B'}, r'executors\[0\].uses: .*is external'),
        ({'external': True, 'port': (80,), 'replicas': 2}, 'replicas is for one that this Flow runs'),
        ({'external': True, 'host': ('a', 'b', 'c'), 'port': (1, 2)}, '3 hosts and 2 ports'),
        ({'external': True, 'host': ('a:1', 'a:1')}, r'host\[1\].*named twice'),
        ({'external': True, 'host': ('a:1',), 'port': (2,)}, 'contradict'),
        ({'host': ('there',)}, 'has host, and is not external'),
        ({'tls': True}, 'has tls, and is not external'),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check(FlowSpec(executors=(ExecutorSpec(name='x', **fields),)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('fields', 'expected'),
    [
        ({'port': (80,)}, ['grpc://127.0.0.1:80']),
        ({'host': ('grpcs://a:1', 'b'), 'port': (1,)}, ['grpcs://a:1', 'grpc://b:1']),
        ({'host': ('a',), 'port': (1, 2), 'tls': True}, ['grpcs://a:1', 'grpcs://a:2']),
        ({'host': ('[::1]:7',)}, ['grpc://[::1]:7']),
    ],
)
def test_an_external_executor_has_an_address_per_host(fields: dict[str, object], expected: list[str]) -> None:
    spec = ExecutorSpec(name='x', external=True, **fields)  # type: ignore[arg-type]
    assert [str(address) for address in addresses(spec)] == expected


def test_a_file_says_whom_a_floating_executor_needs_when_that_is_not_clear() -> None:
    flow = (
        Flow()
        .add(name='a')
        .add(name='f', floating=True)
        .add(name='g', floating=True, needs='f')
        .add(name='b', when={'tags__kind': {'$eq': 'shoe'}})
    )
    assert flow.spec['b'].needs == ('a',)
    assert Flow.load_config(flow.to_yaml()) == flow


def test_a_wrong_condition_in_a_file_is_told_with_its_line() -> None:
    text = 'executors:\n  - name: a\n    when:\n      tags__price: {$less: 3}\n'
    with pytest.raises(SpecError, match=r"line 3.*executors\[0\].when.*unknown operator '\$less'"):
        Flow.load_config(text)
