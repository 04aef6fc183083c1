"""The GPUs of this machine in; how full and how busy they are out."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

from headrace.extras import load
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.reading import Measured, Values


def look() -> dict[str, Measured]:
    """What each GPU does now, by the name of the metric; {} where there is none, or nobody to ask."""
    nvml = _library()
    if nvml is None:
        return {}
    found: dict[str, Measured] = {}
    for number in range(nvml.nvmlDeviceGetCount()):
        try:
            figures = _figures(nvml, nvml.nvmlDeviceGetHandleByIndex(number))
            name = nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(number))
        except nvml.NVMLError:  # it has been lost, or is not for us
            continue
        labels = (str(number), name if isinstance(name, str) else name.decode())
        for metric, value in figures.items():
            found.setdefault(metric.name, Measured(metric, {})).series[labels] = Values([value])
    return found


def _figures(nvml: Any, device: Any) -> dict[Metric, float]:
    memory = nvml.nvmlDeviceGetMemoryInfo(device)
    figures = {
        catalogue.GPU_MEMORY: float(memory.used),
        catalogue.GPU_MEMORY_TOTAL: float(memory.total),
    }
    try:
        figures[catalogue.GPU_UTILIZATION] = nvml.nvmlDeviceGetUtilizationRates(device).gpu / 100
    except nvml.NVMLError:  # parts of a device that is shared do not say
        pass
    return figures


@cache
def _library() -> Any:
    """NVIDIA's library, ready to be asked; None if it, or its driver, is not there."""
    if find_spec('pynvml') is None:
        return None
    nvml = load('pynvml', extra='gpu')
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml
