"""What a document counts in a batch: the name of a metric in, the function out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from headrace.errors import ExecutorError
from headrace.executors.endpoint import Endpoint
from headrace.executors.failure import failed
from headrace.executors.modules import import_named
from headrace.spec.suggest import did_you_mean

Metric = Callable[[Any], float]


def named_metric(owner: Any, name: str) -> Metric:
    """`module:function`, `file.py:function` or a method of `owner` (an executor or its class), as a function.

    Raises ExecutorError if there is none, LoadError if its module cannot be imported.

    >>> named_metric(None, 'math:sqrt')(9)
    3.0
    """
    module, colon, inner = name.rpartition(':')
    holder = import_named(module) if colon else owner
    found = getattr(holder, inner, None)
    if callable(found):
        return found  # type: ignore[no-any-return]
    names = [each for each in dir(holder) if not each.startswith('_') and callable(getattr(holder, each))]
    where = f'module {module}' if colon else (owner if isinstance(owner, type) else type(owner)).__name__
    raise ExecutorError(
        f'custom_metric={name!r}: {where} has no function {inner!r}',
        help=did_you_mean(inner, names, noun='functions there')
        + '; it is module:function, file.py:function, or a method of the executor that takes a document',
    )


def weigher(endpoint: Endpoint, executor: Any) -> Metric | None:
    """The metric of an endpoint with errors that say whose it is; None if documents are counted."""
    named = endpoint.batching.custom_metric if endpoint.batching else None
    metric = named_metric(executor, named) if named else endpoint.custom_metric
    if metric is None:
        return None

    def weigh(doc: Any) -> float:
        try:
            weight = float(metric(doc))
            if not 0 <= weight < math.inf:
                raise ValueError(f'custom_metric gave {weight}, and a number from 0 on is expected')
        except Exception as error:
            raise failed(error, executor.runtime_args.name, endpoint) from error
        return weight

    return weigh
