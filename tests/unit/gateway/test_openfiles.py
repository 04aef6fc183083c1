"""A gateway may open as many files as its connections need, if the system lets it."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from headrace.gateway.openfiles import OTHERS

PROGRAM = """
import resource
from headrace.gateway.openfiles import make_room
from headrace.spec import GatewaySpec
from headrace.spec.limits import LimitsSpec
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
make_room(GatewaySpec(protocols=('grpc', 'http'), limits=LimitsSpec(connections={connections})))
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ('soft', 'connections', 'left'),
    [(256, 100, OTHERS + 400), (256, 100_000, 2000), (1900, 10, 1900)],
)
def test_the_soft_limit_becomes_what_connections_need(soft: int, connections: int, left: int) -> None:
    hard = 2000
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed != resource.RLIM_INFINITY and allowed < hard:
        pytest.skip('this system lets nobody open so many files')
    program = PROGRAM.format(soft=soft, hard=hard, connections=connections)
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(left), str(hard)]
