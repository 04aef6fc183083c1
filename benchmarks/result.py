"""One measured figure, with what it stands next to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A figure: the median of what was measured, and the best.

    `reference` is the same figure of a bare echo in the same run, `ratio` what we have of it; `target` says
    in words what is wanted, `met` whether it is reached (None: it is told, and not judged).
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
    ratio: float | None = None
    target: str = ''
    met: bool | None = None
