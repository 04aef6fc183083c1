"""Stores of metrics for tests of what is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headrace.observe.metrics.store import Store


@pytest.fixture
def opened() -> Iterator[Callable[..., Store]]:
    """Makes stores that are closed at the end."""
    stores: list[Store] = []

    def make(*arguments: Any) -> Store:
        stores.append(Store(*arguments))
        return stores[-1]

    yield make
    for store in stores:
        store.close()
