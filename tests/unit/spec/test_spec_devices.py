"""Which devices and how many threads each replica gets."""

from __future__ import annotations

import pytest

from headrace import Flow
from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, check, load_flow
from headrace.spec.devices import Device, Devices, check_devices, replica_env, visible, wish
from headrace.spec.threads import LIMITS

FOUR = Devices(gpus=tuple(Device(str(i), f'GPU-{i}{i}aa-bb') for i in range(4)), cores=16)
VISIBLE = 'CUDA_VISIBLE_DEVICES'


def given(spec: ExecutorSpec, devices: Devices = FOUR, **env: str) -> list[str | None]:
    """What each replica of each shard sees, the first replicas of all shards first."""
    slots = [(shard, replica) for replica in range(spec.most) for shard in range(spec.shards)]
    env |= spec.env
    return [replica_env(spec, *slot, devices, env).get(VISIBLE) for slot in slots]


@pytest.mark.parametrize(
    ('gpus', 'replicas', 'seen'),
    [
        ('', 2, [None, None]),
        ('RR', 6, ['0', '1', '2', '3', '0', '1']),
        ('RR0:3', 4, ['0', '1', '2', '0']),
        ('RR2:', 3, ['2', '3', '2']),
        ('RR-1:', 2, ['3', '3']),
        ('RR1,3', 3, ['1', '3', '1']),
        ('RRGPU-22aa-bb,GPU-0', 3, ['2', '0', '2']),
        (1, 5, ['0', '1', '2', '3', '0']),
        ('2', 3, ['0,1', '2,3', '0,1']),
        (3, 2, ['0,1,2', '3,0,1']),
        (0, 2, ['-1', '-1']),
        ('all', 2, ['0,1,2,3', '0,1,2,3']),
        ((0, 2), 1, ['0,2']),
        ((0, 2), 2, ['0', '2']),
        ('3,1,0', 2, ['3,0', '1']),
        (('GPU-33aa-bb', 1), 3, ['3', '1', '3']),
        ('device=1,2', 1, ['1,2']),
    ],
)
def test_every_replica_has_its_devices(gpus: str, replicas: int, seen: list[str | None]) -> None:
    assert given(ExecutorSpec(name='a', gpus=gpus, replicas=replicas)) == seen


def test_the_environment_asks_as_well() -> None:
    assert given(ExecutorSpec(name='a', env={VISIBLE: 'RR2,3'}, replicas=3)) == ['2', '3', '2']
    assert given(ExecutorSpec(name='a', replicas=2), CUDA_VISIBLE_DEVICES='RR1:3') == ['1', '2']
    assert given(ExecutorSpec(name='a', gpus='RR3', replicas=2), CUDA_VISIBLE_DEVICES='RR') == ['3', '3']
    # what is not about turns is for CUDA alone to read
    assert given(ExecutorSpec(name='a', env={VISIBLE: '0,1'}, replicas=2)) == [None, None]


def test_shards_have_devices_of_their_own() -> None:
    assert given(ExecutorSpec(name='a', gpus='RR', shards=3)) == ['0', '1', '2']
    spec = ExecutorSpec(name='a', gpus='RR', shards=2, replicas=2)
    where = {
        (shard, replica): replica_env(spec, shard, replica, FOUR, {})[VISIBLE]
        for shard in (0, 1)
        for replica in (0, 1)
    }
    assert where == {(0, 0): '0', (1, 0): '1', (0, 1): '2', (1, 1): '3'}


def test_a_flow_that_grows_goes_on_where_it_was() -> None:
    spec = ExecutorSpec(name='a', gpus='RR', replicas=(1, 3))
    assert given(spec) == ['0', '1', '2']
    assert replica_env(spec, 0, 5, FOUR, {})[VISIBLE] == '1'


def test_numbers_are_those_of_nvidia_smi() -> None:
    spec = ExecutorSpec(name='a', gpus='RR')
    assert replica_env(spec, 0, 0, FOUR, {})['CUDA_DEVICE_ORDER'] == 'PCI_BUS_ID'
    assert 'CUDA_DEVICE_ORDER' not in replica_env(spec, 0, 0, FOUR, {'CUDA_DEVICE_ORDER': 'FASTEST_FIRST'})
    parts = Devices(gpus=(Device('MIG-1', 'MIG-1'),))
    assert replica_env(spec, 0, 0, parts, {}) == {VISIBLE: 'MIG-1'}


@pytest.mark.parametrize(
    ('gpus', 'message'),
    [
        ('RR1,7', "executor 'enc' asks for GPU 7, this machine has 0, 1"),
        ((0, 2), "executor 'enc' asks for GPU 2, this machine has 0, 1"),
        ('RRGPU-99', "executor 'enc' asks for GPU GPU-99, this machine has 0, 1"),
        ('RRGPU-', "executor 'enc' asks for GPU GPU-, this machine has 0, 1"),  # several begin so
        (3, "executor 'enc' asks for 3 GPUs, this machine has 0, 1"),
        ('RR0:3', "executor 'enc' asks for GPUs 0 to 2, this machine has 0, 1"),
        ('RR5:', "executor 'enc' asks for GPUs 5 and on, this machine has 0, 1"),
        ('RR1:1', "executor 'enc' asks for a GPU, this machine has 0, 1"),
    ],
)
def test_a_device_that_is_not_there_is_refused(gpus: str, message: str) -> None:
    two = Devices(gpus=FOUR.gpus[:2])
    with pytest.raises(SpecError) as caught:
        check_devices(ExecutorSpec(name='enc', gpus=gpus), two, {})
    assert caught.value.message == message


@pytest.mark.parametrize('gpus', [1, 'RR', 'all', (0,)])
def test_a_machine_without_devices_says_why(gpus: str) -> None:
    none = Devices(reason='nvidia-smi is not there')
    with pytest.raises(SpecError, match=r'this machine has none \(nvidia-smi is not there\)'):
        check_devices(ExecutorSpec(name='a', gpus=gpus), none, {})


def test_nothing_is_checked_for_those_that_ask_for_nothing() -> None:
    for gpus in ('', 0):
        check_devices(ExecutorSpec(name='a', gpus=gpus), Devices(), {})


@pytest.mark.parametrize('gpus', ['two', '-1', 'RRa:b', 'RR1,,2', '1,1', (), ('x',), 'rr'])
def test_what_cannot_be_read_is_refused_where_it_stands(gpus: str) -> None:
    spec = FlowSpec(executors=(ExecutorSpec(name='a', gpus=gpus),))
    with pytest.raises(SpecError, match=r'(?s)executors\[0\]\.gpus: .*names no devices.*RR0:3'):
        check(spec)


def test_devices_are_named_once() -> None:
    with pytest.raises(
        SpecError, match="executor 'a' names devices twice: gpus=1 and CUDA_VISIBLE_DEVICES=RR"
    ):
        Flow().add(name='a', gpus=1, env={VISIBLE: 'RR'})
    with pytest.raises(SpecError, match=r'executors\[0\]\.env: .*RRx'):
        Flow().add(name='a', env={VISIBLE: 'RRx'})


def test_devices_in_yaml() -> None:
    text = """
    executors:
      - {name: a, gpus: 2}
      - {name: b, gpus: RR0:3}
      - {name: c, gpus: [0, GPU-11]}
    """
    assert [each.gpus for each in load_flow(text).executors] == [2, 'RR0:3', (0, 'GPU-11')]
    with pytest.raises(SpecError, match='line 3'):
        load_flow('executors:\n  - name: a\n    gpus: none\n')


def test_what_a_process_sees_is_what_it_can_share() -> None:
    def names(value: str | None) -> str:
        return ''.join(device.name for device in visible(FOUR.gpus, value))

    assert names(None) == names('RR0:2') == '0123'
    assert names('3,1') == '31'
    assert names('GPU-22') == '2'
    assert names('0,-1,2') == '0'
    assert names('') == names('-1') == ''
    assert wish('RR') is not None
    assert given(ExecutorSpec(name='a', gpus='RR'), Devices(gpus=visible(FOUR.gpus, '3,1'))) == ['3']


def threads(spec: ExecutorSpec, **env: str) -> dict[str, str]:
    return replica_env(spec, 0, 0, FOUR, {**env, **spec.env})


def test_cores_are_divided_among_several() -> None:
    assert threads(ExecutorSpec(name='a')) == {}
    assert threads(ExecutorSpec(name='a', replicas=2, shards=2)) == dict.fromkeys(LIMITS, '4')
    assert threads(ExecutorSpec(name='a', replicas=(1, 3))) == dict.fromkeys(LIMITS, '5')
    assert threads(ExecutorSpec(name='a', replicas=99)) == dict.fromkeys(LIMITS, '1')


def test_a_limit_of_the_user_stands() -> None:
    assert threads(ExecutorSpec(name='a', replicas=2), OMP_NUM_THREADS='3') == {}
    assert threads(ExecutorSpec(name='a', replicas=2, env={'MKL_NUM_THREADS': '3'})) == {}
    assert threads(ExecutorSpec(name='a', threads=2)) == dict.fromkeys(LIMITS, '2')
    said = threads(ExecutorSpec(name='a', threads=2, env={'OMP_NUM_THREADS': '3'}), MKL_NUM_THREADS='9')
    assert 'OMP_NUM_THREADS' not in said
    assert said['MKL_NUM_THREADS'] == '2'
