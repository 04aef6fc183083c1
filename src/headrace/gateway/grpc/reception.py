"""A call that has just begun in; who calls, and room for its request, or a refusal out."""

from __future__ import annotations

import time
from dataclasses import dataclass

from headrace.gateway.entrance import Entrance
from headrace.gateway.faults import to_message
from headrace.gateway.grpc import faults
from headrace.gateway.grpc.caller import Caller, Rpc
from headrace.gateway.identity import Identity
from headrace.pipeline.admission import Ticket
from headrace.pipeline.context import new_request_id
from headrace.proto import headrace_pb2 as pb

KNOWN_S = 10.0
"""How long somebody on an open stream stays known: keys are withdrawn and tokens expire meanwhile."""


@dataclass(slots=True)
class Visit:
    """One call as far as it is known: who calls (None: not known yet), its name, and what it is to."""

    caller: Caller
    request_id: str
    endpoint: str = ''
    identity: Identity | None = None
    known_at: float = 0.0


class Reception:
    """Asks who calls, finds room, and tells those who cannot come in; the same for every method."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._timeout_s = entrance.spec.timeout_s
        self._development = entrance.spec.development

    def visit(self, rpc: Rpc) -> Visit:
        """What there is to know of a call before anything of it was read or checked."""
        caller = Caller.of(rpc)
        return Visit(caller, caller.name_of() or new_request_id())

    def identify(self, visit: Visit) -> Identity:
        """Who calls; Unauthenticated or RateLimited, before anything of the request is read."""
        identity = visit.identity = self._entrance.identify(visit.caller.credentials)
        visit.known_at = time.monotonic()
        return identity

    def identify_again(self, visit: Visit) -> Identity:
        """Who sends one more request on an open stream: asked anew after a while."""
        if visit.identity is not None and time.monotonic() - visit.known_at < KNOWN_S:
            return visit.identity
        return self.identify(visit)

    def enter(self, identity: Identity, size: int, left_s: float | None) -> Ticket:
        """Room for a request of somebody who is known; Overloaded or TooLarge if there is none."""
        return self._entrance.admission.enter(identity.client, size, left_s)

    def admit(self, rpc: Rpc, visit: Visit) -> tuple[Identity, Ticket]:
        """Who calls, and room for the one request of a call until its answer is on the way."""
        identity = self.identify(visit)
        ticket = self.enter(identity, 0, visit.caller.left_s(self._timeout_s))
        # the stubs want a class that does not exist
        rpc.add_done_callback(lambda _: ticket.leave())  # type: ignore[arg-type]
        return identity, ticket

    def told(
        self, error: BaseException, identity: Identity | None, *, endpoint: str, request_id: str
    ) -> pb.Error:
        """What the caller is told about an error; a refusal is noted."""
        if isinstance(error, Exception):
            self._entrance.refused(error, identity, protocol='grpc', endpoint=endpoint, request_id=request_id)
        return to_message(error, request_id=request_id, endpoint=endpoint, development=self._development)

    async def abort(self, rpc: Rpc, error: Exception, visit: Visit) -> None:
        """End a call with the error's status; raises."""
        message = self.told(error, visit.identity, endpoint=visit.endpoint, request_id=visit.request_id)
        await rpc.abort(faults.code(message), faults.details(message), faults.metadata(message))
