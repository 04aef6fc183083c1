"""How many connections may be open in, room for as many open files of this process."""

from __future__ import annotations

import resource

from headrace.spec import GatewaySpec

EACH = {'http': 1, 'grpc': 3}
"""Open files of a connection at each door: gRPC's goes on through a socket, which has two ends."""

OTHERS = 1024
"""Open files of everything else: connections to workers, logs, metrics."""


def make_room(spec: GatewaySpec) -> None:
    """Raise the soft limit of open files to what connections may need, as far as the hard limit allows.

    Systems begin with as few as 1024, for the sake of programs that use `select`, which nothing here does.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OTHERS + spec.limits.connections * sum(EACH[door] for door in spec.doors)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
