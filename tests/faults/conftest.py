"""What several tests of faults use."""

import pytest
from loops import Factories, loop_factories


def pytest_asyncio_loop_factories(item: pytest.Item) -> Factories:
    """The loop that gateways run on, for modules that ask for it."""
    return loop_factories(item)
