"""What several contract tests use."""

import pytest
from limited import limited, refusals
from loops import Factories, loop_factories

__all__ = ['limited', 'refusals']


def pytest_asyncio_loop_factories(item: pytest.Item) -> Factories:
    """The loop that gateways run on, for modules that ask for it."""
    return loop_factories(item)
