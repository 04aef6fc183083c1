"""Physical plans of small Flows."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec, plan
from headrace.spec.plan import Wire, environment_of


def spec(**fields: object) -> FlowSpec:
    executors = (
        ExecutorSpec(name='a', uses='m:A', env={'X': '2'}, timeout_ready_s=5),
        ExecutorSpec(name='b', uses=dict),
        ExecutorSpec(name='end', needs=('a', 'b'), join=True),
    )
    return FlowSpec(
        name='shop',
        executors=executors,
        env={'X': '1', 'Y': '1'},
        gateway=GatewaySpec(protocols=('grpc', 'http'), ports=(0, 8080)),
        **fields,  # type: ignore[arg-type]
    )


def test_local_has_a_gateway_and_a_process_per_executor_that_runs_something() -> None:
    physical = plan(spec(), directory='/run/x/')
    gateway, a, b = physical.processes
    assert (gateway.role, gateway.ports, gateway.waits) == (
        'gateway',
        (('grpc', 0), ('http', 8080)),
        ('a', 'b'),
    )
    assert gateway.env == ('X', 'Y')
    assert environment_of(spec(), gateway) == {'X': '1', 'Y': '1'}
    assert (a.role, a.address, a.env, a.timeout_ready_s) == (
        'worker',
        'unix:/run/x/a.sock',
        ('X', 'Y'),
        5,
    )
    assert environment_of(spec(), a) == {'X': '2', 'Y': '1'}
    assert (b.uses, b.timeout_ready_s) == ('builtins:dict', 60)
    assert physical.workers == (a, b)
    assert physical.joins == ('end',)
    assert physical.wires == (Wire('gateway', 'a'), Wire('gateway', 'b'), Wire('a', 'end'), Wire('b', 'end'))


def test_in_process_has_no_process_and_no_port() -> None:
    physical = plan(spec(place='in-process'))
    assert [(part.role, part.address) for part in physical.processes] == [('inline', 'memory')] * 2
    assert physical.workers == ()


def test_a_plan_has_all_protocols_of_a_port() -> None:
    gateway = GatewaySpec(protocols=('grpc', 'http', 'websocket', 'graphql'), ports=(1234, 8080))
    assert 'grpc 127.0.0.1:1234, http/websocket/graphql 127.0.0.1:8080' in str(
        plan(replace(spec(), gateway=gateway))
    )
    alone = GatewaySpec(protocols=('websocket', 'graphql'))
    assert 'websocket/graphql (free port)' in str(plan(replace(spec(), gateway=alone)))


def test_a_plan_prints_as_a_table() -> None:
    assert str(plan(spec())).splitlines() == [
        'process   runs                     listens on                              input     ready in',
        'gateway   the front door           grpc (free port), http 127.0.0.1:8080   clients   60 s',
        'a         m:A                      unix:a.sock                             gateway   5 s',
        'b         builtins:dict            unix:b.sock                             gateway   60 s',
        'end       (joins in the gateway)                                           a, b',
    ]


def test_a_wrong_flow_has_no_plan() -> None:
    with pytest.raises(SpecError, match='does not exist'):
        plan(FlowSpec(executors=(ExecutorSpec(name='a', needs=('b',)),)))


def names(executor: ExecutorSpec, **gateway: int) -> list[str]:
    physical = plan(FlowSpec(executors=(executor,), gateway=GatewaySpec(**gateway)), directory='/run/x')
    return [process.name for process in physical.processes]


def test_every_replica_of_every_shard_is_a_process_of_its_own() -> None:
    assert names(ExecutorSpec(name='a', replicas=2)) == ['gateway', 'a/rep-0', 'a/rep-1']
    assert names(ExecutorSpec(name='a', shards=2)) == ['gateway', 'a/shard-0/rep-0', 'a/shard-1/rep-0']
    both = ExecutorSpec(name='a', shards=2, replicas=2, uses_before='m:B', uses_after='m:C')
    physical = plan(FlowSpec(executors=(both,)), directory='/run/x')
    assert [(each.name, each.part, each.shard, each.replica) for each in physical.workers] == [
        ('a/before', 'before', 0, 0),
        ('a/shard-0/rep-0', '', 0, 0),
        ('a/shard-0/rep-1', '', 0, 1),
        ('a/shard-1/rep-0', '', 1, 0),
        ('a/shard-1/rep-1', '', 1, 1),
        ('a/after', 'after', 0, 0),
    ]
    assert [each.uses for each in physical.workers][::5] == ['m:B', 'm:C']
    assert physical.workers[2].address == 'unix:/run/x/a.shard-0.rep-1.sock'
    assert [row[3] for row in physical.rows()[2:]] == ['gateway'] + ['a/before'] * 4 + ['a (2 shards)']


def test_an_executor_that_grows_begins_with_its_least_and_names_that_last() -> None:
    assert names(ExecutorSpec(name='a', replicas=(1, 4))) == ['gateway', 'a/rep-0']


def test_several_gateways_are_several_processes() -> None:
    assert names(ExecutorSpec(name='a'), replicas=2) == ['gateway/rep-0', 'gateway/rep-1', 'a']


def test_an_executor_elsewhere_is_no_process() -> None:
    away = ExecutorSpec(name='a', external=True, host=('grpc://gpu-1:443',))
    physical = plan(FlowSpec(executors=(away,)))
    assert [process.name for process in physical.processes] == ['gateway']
    assert physical.rows()[-1] == ('a', '(runs elsewhere)', 'grpc://gpu-1:443', 'gateway', '')
