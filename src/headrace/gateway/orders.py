"""What a supervisor tells the gateway process."""

from __future__ import annotations

import msgspec

from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec


class Start(msgspec.Struct, frozen=True):
    """The first order: which doors there will be, so that their libraries load now.

    `directory` will hold the sockets of the Flow; the gateway removes it if the supervisor no longer can.
    """

    spec: GatewaySpec
    directory: str = ''


class Upstream(msgspec.Struct, frozen=True):
    """One node of the graph; `address` is '' if it only joins, `pid` 0 if its process is not ours."""

    name: str
    needs: tuple[str, ...]
    address: str = ''
    pid: int = 0


class Open(msgspec.Struct, frozen=True):
    """The second order: the graph (in topological order) and what it offers; open the doors.

    `directory` holds the sockets of the Flow; the gateway removes it if the supervisor no longer can.
    """

    info: FlowInfo
    upstreams: tuple[Upstream, ...]
    timeout_ready_s: float
    timeout_stop_s: float
    directory: str = ''
