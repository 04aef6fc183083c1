"""One measured figure, with what it stands next to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A figure: the median of what was measured, and the best.

    `cpu_us` is the processor time of all servers for one call. `reference` and `reference_cpu_us` are the
    same figures of something bare in the same run, `ratio` is the value by its reference; `target` says in
    words what is wanted, `met` whether it is reached (None: it is told, and not judged).
    """

    group: str
    name: str
    value: float
    unit: str
    best: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_us: float | None = None
    reference: float | None = None
    reference_cpu_us: float | None = None
    ratio: float | None = None
    target: str = ''
    met: bool | None = None


def figure(value: float | None) -> str:
    """Write a figure with three digits that count."""
    if value is None:
        return ''
    return f'{value:,.0f}'.replace(',', ' ') if abs(value) >= 100 else f'{value:.3g}'
