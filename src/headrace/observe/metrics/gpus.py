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
    """What each GPU does now, by the name of the metric; {} where there is none, or nobody to ask.

    What a device does not say is left out: a part of one that is shared (MIG) does not tell how busy it is,
    one that has been lost tells nothing. Whatever a driver does, nothing is raised: all else is told then.
    """
    nvml = _library()
    if nvml is None:
        return {}
    count = _asked(nvml, 'nvmlDeviceGetCount')
    if count is None:  # the driver was perhaps loaded anew: then it wants to be greeted again
        _asked(nvml, 'nvmlInit')
    found: dict[str, Measured] = {}
    for number in range(count or 0):
        device = _asked(nvml, 'nvmlDeviceGetHandleByIndex', number)
        if device is not None:
            labels = str(number), _name(_asked(nvml, 'nvmlDeviceGetName', device))
            for metric, value in _figures(nvml, device).items():
                found.setdefault(metric.name, Measured(metric, {})).series[labels] = Values([value])
    return found


def _figures(nvml: Any, device: Any) -> dict[Metric, float]:
    memory = _asked(nvml, 'nvmlDeviceGetMemoryInfo', device)
    used = _asked(nvml, 'nvmlDeviceGetUtilizationRates', device)
    figures = {}
    if memory is not None:
        figures[catalogue.GPU_MEMORY] = float(memory.used)
        figures[catalogue.GPU_MEMORY_TOTAL] = float(memory.total)
    if used is not None:
        figures[catalogue.GPU_UTILIZATION] = used.gpu / 100
    return figures


def _asked(nvml: Any, question: str, *about: Any) -> Any:
    """What the library answers; None if it, or its driver, cannot."""
    try:
        return getattr(nvml, question)(*about)
    except (nvml.NVMLError, OSError, AttributeError):  # refused, lost, or older than the question
        return None


def _name(told: str | bytes | None) -> str:
    return told.decode('utf-8', 'replace') if isinstance(told, bytes) else told or ''


@cache
def _library() -> Any:
    """NVIDIA's library, ready to be asked; None if it, or its driver, is not there."""
    if find_spec('pynvml') is None:
        return None
    nvml = load('pynvml', extra='gpu')
    try:
        nvml.nvmlInit()
    except (nvml.NVMLError, OSError):
        return None
    return nvml
