"""Cores and replicas in; out, how many threads the numeric libraries of one replica may start."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.spec.records import ExecutorSpec

LIMITS = (
    'OMP_NUM_THREADS',
    'MKL_NUM_THREADS',
    'OPENBLAS_NUM_THREADS',
    'NUMEXPR_NUM_THREADS',
    'VECLIB_MAXIMUM_THREADS',
)
"""Who obeys them: OpenMP (PyTorch too), Intel's MKL, OpenBLAS, NumExpr, Apple's Accelerate."""


def thread_env(executor: ExecutorSpec, cores: int, env: Mapping[str, str]) -> dict[str, str]:
    """The limits of one replica that are not in its environment `env` yet.

    Without a limit each replica would start a thread per core, and they would wait for each other.

    >>> thread_env(ExecutorSpec(name='a', replicas=2), 8, {})['OMP_NUM_THREADS']
    '4'
    """
    if executor.threads is not None:
        # Said here, it counts more than what this process was started with, less than the executor's own.
        return {name: str(executor.threads) for name in LIMITS if name not in executor.env}
    sharing = executor.most * executor.shards
    if sharing == 1 or any(name in env for name in LIMITS):
        return {}
    return dict.fromkeys(LIMITS, str(max(1, cores // sharing)))
