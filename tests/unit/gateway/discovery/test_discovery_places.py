"""What a command line says of replicas is read, or refused with what to write instead."""

import pytest

from headrace.errors import SpecError
from headrace.gateway.discovery import source_of, wanted
from headrace.gateway.discovery.places import sources_for
from headrace.gateway.orders import Target
from headrace.spec import ExecutorSpec, FlowSpec

FLOW = FlowSpec(
    executors=(
        ExecutorSpec(name='encoder', uses_before='m:B'),
        ExecutorSpec(name='index', shards=2, uses_after='m:A'),
        ExecutorSpec(name='joiner', needs=('encoder', 'index'), join=True),
        ExecutorSpec(name='far', external=True, host=('far.example',), port=(1,)),
    )
)


async def first(source):
    async for replicas in source:
        return list(replicas)


@pytest.mark.parametrize(
    ('where', 'found'),
    [
        ('tcp:a:1', ['tcp:a:1']),
        ('tcp:a:1, b:2,[::1]:3', ['tcp:a:1', 'tcp:b:2', 'tcp:[::1]:3']),
        ('tcp:a:1,tcp+tls:b:2', ['tcp:a:1', 'tcp+tls:b:2']),
        ('tcp+tls:a:1,b:1', ['tcp+tls:a:1', 'tcp+tls:b:1']),
        ('unix:/run/a,/run/b', ['unix:/run/a', 'unix:/run/b']),
        ('tcp:a:1,a:1', ['tcp:a:1']),
    ],
)
async def test_lists(where, found):
    assert await first(source_of(where)) == found


@pytest.mark.parametrize(
    'where',
    [
        '',
        'a:1',
        'tcp:',
        'tcp:a',
        'tcp:a:x',
        'tcp:a:70000',
        'dns:a',
        'dns::1',
        'dns:a:0',
        'dns+x:a:1',
        'dns:a:b:1',
        'file:',
        'slices:a',
        'slices+ssl:a:1',
        'file+tls:/x',
    ],
)
def test_what_is_no_place(where):
    with pytest.raises(SpecError) as caught:
        source_of(where)
    assert caught.value.help


def test_a_flow_is_called_by_its_targets():
    assert [*map(str, wanted(FLOW))] == ['encoder/before', 'encoder', 'index', 'index/shard-1', 'index/after']
    assert [Target.of(str(target)) for target in wanted(FLOW)] == [*wanted(FLOW)]


def test_every_target_needs_one_place():
    said = {str(target): 'tcp:a:1' for target in wanted(FLOW)}
    assert [*sources_for(FLOW, said.items())] == [*wanted(FLOW)]
    for name in said:
        with pytest.raises(SpecError, match=f'nobody says where {name} is') as caught:
            sources_for(FLOW, [each for each in said.items() if each[0] != name])
        assert f'--at {name}=dns:' in caught.value.help
    with pytest.raises(SpecError, match="twice where 'encoder' is"):
        sources_for(FLOW, [*said.items(), ('encoder', 'tcp:b:1')])


@pytest.mark.parametrize(
    ('name', 'told'),
    [
        ('encodr', 'nothing of this name'),
        ('index/shard-2', 'nothing of this name'),
        ('index/shard-0', 'nothing of this name'),
        ('joiner', 'nothing of this name'),
        ('far', 'runs elsewhere'),
    ],
)
def test_a_target_that_is_none(name, told):
    with pytest.raises(SpecError, match=told):
        sources_for(FLOW, [(name, 'tcp:a:1')])


@pytest.mark.parametrize(
    'where', ['dns:encoder:9090', 'dns+tls:encoder:9090', 'tcp:10.0.0.1:9090', 'file:places']
)
def test_as_text_it_is_what_was_said(where: str) -> None:
    assert str(source_of(where)) == where
