"""Physical plans of small Flows."""

from __future__ import annotations

import pytest

from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec, plan
from headrace.spec.plan import Wire


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
    assert gateway.env == {'X': '1', 'Y': '1'}
    assert (a.role, a.address, a.env, a.timeout_ready_s) == (
        'worker',
        'unix:/run/x/a.sock',
        {'X': '2', 'Y': '1'},
        5,
    )
    assert (b.uses, b.timeout_ready_s) == ('builtins:dict', 60)
    assert physical.workers == (a, b)
    assert physical.joins == ('end',)
    assert physical.wires == (Wire('gateway', 'a'), Wire('gateway', 'b'), Wire('a', 'end'), Wire('b', 'end'))


def test_in_process_has_no_process_and_no_port() -> None:
    physical = plan(spec(place='in-process'))
    assert [(part.role, part.address) for part in physical.processes] == [('inline', 'memory')] * 2
    assert physical.workers == ()


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
