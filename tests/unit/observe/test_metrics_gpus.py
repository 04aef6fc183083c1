"""GPUs: by a stand-in for the library, which does what drivers do; and by the true one, with no driver."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from headrace.gateway.metrics import Metrics
from headrace.gateway.observer import Observer
from headrace.observe.metrics import gpus
from headrace.observe.metrics.store import Store

USED, ALL, BUSY = (
    'headrace_gpu_memory_used_bytes',
    'headrace_gpu_memory_bytes',
    'headrace_gpu_utilization_ratio',
)
ONE = {USED: {('0', 'A device'): 5}, ALL: {('0', 'A device'): 8}, BUSY: {('0', 'A device'): 0.75}}


class NVMLError(Exception):
    """What NVIDIA's library raises."""


def failing(*_: Any) -> Any:
    raise NVMLError('GPU is lost')


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Nothing is known of the library yet, and nothing afterwards."""
    gpus._library.cache_clear()
    yield
    gpus._library.cache_clear()


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stand-in with one device."""
    module: Any = ModuleType('pynvml')
    module.__spec__ = SimpleNamespace()
    module.NVMLError = NVMLError
    module.greeted = 0

    def init() -> None:
        module.greeted += 1

    module.nvmlInit = init
    module.nvmlDeviceGetCount = lambda: 1
    module.nvmlDeviceGetHandleByIndex = lambda number: number
    module.nvmlDeviceGetName = lambda device: 'A device'
    module.nvmlDeviceGetMemoryInfo = lambda device: SimpleNamespace(used=5, total=8)
    module.nvmlDeviceGetUtilizationRates = lambda device: SimpleNamespace(gpu=75)
    monkeypatch.setitem(sys.modules, 'pynvml', module)
    return module


def looked() -> dict[str, dict[tuple[str, ...], float]]:
    return {name: {k: v.value for k, v in m.series.items()} for name, m in gpus.look().items()}


def test_a_device(nvml: Any) -> None:
    assert looked() == ONE


@pytest.mark.skipif(find_spec('pynvml') is None, reason='nvidia-ml-py is not installed')
def test_the_true_library_says_what_is_there_and_raises_nothing() -> None:
    """Where there is no driver, it says so once, and is not asked again."""
    found = looked()
    assert found.keys() <= {USED, ALL, BUSY}
    gpus.look()
    assert gpus._library.cache_info().misses == 1


def test_without_the_library_nobody_looks_for_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = []
    monkeypatch.setattr(gpus, 'find_spec', searches.append)
    assert [gpus.look() for _ in range(3)] == [{}, {}, {}]
    assert searches == ['pynvml']


@pytest.mark.parametrize('error', [NVMLError('driver not loaded'), OSError('libnvidia-ml.so.1')])
def test_without_a_driver(nvml: Any, error: Exception) -> None:
    def init() -> None:
        nvml.greeted += 1
        raise error

    nvml.nvmlInit = init
    assert [looked() for _ in range(3)] == [{}, {}, {}]
    assert nvml.greeted == 1


@pytest.mark.parametrize('question', ['nvmlDeviceGetCount', 'nvmlDeviceGetHandleByIndex'])
def test_a_driver_that_fails_midway_and_comes_back(nvml: Any, question: str) -> None:
    assert looked() == ONE
    good = getattr(nvml, question)
    setattr(nvml, question, failing)
    assert looked() == {}
    setattr(nvml, question, good)
    assert looked() == ONE
    assert nvml.greeted == (2 if question == 'nvmlDeviceGetCount' else 1)


def test_what_a_part_of_a_device_does_not_say_is_left_out(nvml: Any) -> None:
    """MIG: it says how full it is, but not how busy; in a container, it may be the other way round."""
    nvml.nvmlDeviceGetUtilizationRates = failing
    assert looked() == {USED: ONE[USED], ALL: ONE[ALL]}
    nvml.nvmlDeviceGetUtilizationRates = lambda device: SimpleNamespace(gpu=75)
    nvml.nvmlDeviceGetMemoryInfo = failing
    assert looked() == {BUSY: ONE[BUSY]}


def test_a_device_that_is_lost_takes_no_other_with_it(nvml: Any) -> None:
    nvml.nvmlDeviceGetCount = lambda: 2
    nvml.nvmlDeviceGetHandleByIndex = lambda number: failing() if number == 0 else number
    assert looked()[USED] == {('1', 'A device'): 5}


@pytest.mark.parametrize(
    ('name', 'told'), [(lambda device: b'Tesla \xff', 'Tesla \ufffd'), (failing, '')], ids=['bytes', 'none']
)
def test_names(nvml: Any, name: Any, told: str) -> None:
    nvml.nvmlDeviceGetName = name
    assert list(looked()[USED]) == [('0', told)]


def test_an_older_library_does_not_know_every_question(nvml: Any) -> None:
    del nvml.nvmlDeviceGetUtilizationRates
    assert looked() == {USED: ONE[USED], ALL: ONE[ALL]}


async def test_metrics_are_told_whatever_a_driver_does(nvml: Any) -> None:
    for question in [name for name in vars(nvml) if name.startswith('nvmlDevice')]:
        setattr(nvml, question, failing)
        text, _ = await Metrics(Store(), Observer()).text()
        assert b'headrace_build_info' in text
