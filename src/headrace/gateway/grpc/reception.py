"""A call that has just begun in; who calls, and room for its request, or a refusal out."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import perf_counter

import grpc

from headrace.errors import HeadraceError, TooLarge
from headrace.gateway.entrance import Entrance
from headrace.gateway.faults import to_message
from headrace.gateway.finished import Finished
from headrace.gateway.grpc import faults
from headrace.gateway.grpc.caller import Caller, Rpc
from headrace.gateway.grpc.peers import Peers
from headrace.gateway.grpc.unread import Unread
from headrace.gateway.identity import Identity
from headrace.gateway.refusals import request_too_large
from headrace.pipeline.admission import Ticket
from headrace.pipeline.context import new_request_id
from headrace.pipeline.describe import DEFAULT_ENDPOINT
from headrace.proto import headrace_pb2 as pb

LOG = logging.getLogger('headrace.gateway')

PAGE = '/describe'
"""What Describe and reflection tell has this name on every protocol."""

KNOWN_S = 10.0
"""How long somebody on an open stream stays known: keys are withdrawn and tokens expire meanwhile."""


@dataclass(slots=True)
class Visit:
    """One call as far as it is known: who calls (None: not known yet), its name, and what it is to.

    `refusal` is why nothing of it is looked at: its connection is one too many.
    """

    caller: Caller
    request_id: str
    refusal: HeadraceError | None = None
    endpoint: str = ''
    identity: Identity | None = None
    known_at: float = 0.0
    has_asked: bool = False


class Reception:
    """Asks who calls, finds room, and tells those who cannot come in; the same for every method."""

    def __init__(self, entrance: Entrance, peers: Peers) -> None:
        self._entrance = entrance
        self._peers = peers
        self._timeout_s = entrance.spec.timeout_s
        self._development = entrance.spec.development
        self._metadata_bytes = entrance.spec.limits.header_bytes
        self.most_bytes = entrance.spec.max_body_bytes

    def visit(self, rpc: Rpc) -> Visit:
        """What there is to know of a call before anything of it was read or checked."""
        peer = self._peers.of(rpc.peer())
        caller = Caller.of(rpc, peer)
        return Visit(caller, caller.name_of() or new_request_id(), peer.refusal)

    def begin(self) -> Finished:
        """A request has come; `ended` is to be told what this knows of it by then."""
        self._entrance.observer.came('grpc')
        return Finished('grpc', perf_counter(), DEFAULT_ENDPOINT)

    def ended(self, finished: Finished) -> None:
        """A request is over, whatever became of it."""
        self._entrance.observer.left('grpc')
        self._entrance.observer.ended(finished)

    def identify(self, visit: Visit) -> Identity:
        """Who calls; Unauthenticated or RateLimited, before anything of the request is read."""
        if visit.refusal is not None:
            raise visit.refusal
        size = visit.caller.metadata_bytes()
        if size > self._metadata_bytes:
            raise TooLarge(
                f'the metadata has {size} bytes, and {self._metadata_bytes} are accepted',
                help='send less at a time, or raise limits.header_bytes of the gateway',
            )
        identity = visit.identity = self._entrance.identify(visit.caller.credentials)
        visit.known_at = time.monotonic()
        return identity

    def identify_again(self, visit: Visit) -> Identity:
        """Who sends the next request on an open stream: asked anew after a while, and counted each time.

        The first has been asked and counted when the stream began.
        """
        is_first, visit.has_asked = not visit.has_asked, True
        if visit.identity is None or time.monotonic() - visit.known_at >= KNOWN_S:
            return self.identify(visit)
        if not is_first:
            self._entrance.limits.admit(visit.identity.client)
        return visit.identity

    def show_page(self, visit: Visit) -> None:
        """Let somebody read what the gateway tells of itself; Unauthenticated or Forbidden for others."""
        self._entrance.permit_page(self.identify(visit), PAGE)

    def stream(self, identity: Identity) -> AbstractContextManager[None]:
        """Room for one more stream of somebody, as long as it is open; Overloaded if they have too many."""
        return self._entrance.limits.stream(identity.client)

    def lobby(self, visit: Visit) -> AbstractContextManager[None]:
        """Room for a call of somebody who need not say who it is; Overloaded if its host has too many."""
        if visit.refusal is not None:
            raise visit.refusal
        return self._entrance.limits.stream(visit.caller.host)

    def withheld(self, visit: Visit) -> None:
        """Note that gRPC has refused a message on an open stream for its size."""
        error = request_too_large(self.most_bytes)
        self.told(error, visit, endpoint=visit.endpoint, request_id=visit.request_id)

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

    def told(self, error: BaseException, visit: Visit, *, endpoint: str, request_id: str) -> pb.Error:
        """What the caller is told about an error; a refusal is noted, unless its connection's has been."""
        if error is not visit.refusal:
            self._entrance.refused(
                error,
                visit.identity,
                protocol='grpc',
                endpoint=endpoint,
                request_id=request_id,
                host=visit.caller.host,
            )
        return to_message(error, request_id=request_id, endpoint=endpoint, development=self._development)

    async def abort(self, rpc: Rpc, error: Exception, visit: Visit) -> None:
        """End a call with the error's status; raises."""
        if isinstance(error, Unread):
            LOG.info('a call from %s is given up: %s', visit.caller.host, error)
            raise asyncio.CancelledError from error  # which gRPC takes for the end of a call without a status
        message = self.told(error, visit, endpoint=visit.endpoint, request_id=visit.request_id)
        try:
            await rpc.abort(faults.code(message), faults.details(message), faults.metadata(message))
        except grpc.aio.AbortError:
            raise
        except Exception:  # the call is over: its client has left, or gRPC has told it so much itself
            raise asyncio.CancelledError from error
