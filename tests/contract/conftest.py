"""What several contract tests use."""

import pytest
from limited import limited, refusals
from loops import Factories, loop_factories

__all__ = ['limited', 'refusals']


DOORS = {
    'local-grpc': {'place': 'local', 'protocol': 'grpc'},
    'local-http': {'place': 'local', 'protocol': 'http'},
    'in-process': {'place': 'in-process'},
}


@pytest.fixture(scope='module', params=DOORS)
def door(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of a Flow for each place, and each way in."""
    return DOORS[request.param]


def pytest_asyncio_loop_factories(item: pytest.Item) -> Factories:
    """The loop that gateways run on, for modules that ask for it."""
    return loop_factories(item)
