"""What is said over a WebSocket, whichever subprotocol says it."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context


class Ask(NamedTuple):
    """A request whose documents are not decoded yet: `body` is what its language reads them from.

    `id` is what the client calls it, and wants to see again (None: nothing); `timeout_s` is None if the
    client does not say how long it waits; `size` are the bytes of the message.
    """

    id: str | int | None
    endpoint: str
    target: str
    trace: str
    trace_state: str
    timeout_s: float | None
    is_stream: bool
    body: Any
    size: int


class Cancel(NamedTuple):
    """The request of this id is withdrawn."""

    id: str | int | None


class End(NamedTuple):
    """There are no more requests."""


class Ping(NamedTuple):
    """A client wants to hear whether the gateway listens; `answer` is the message that says so."""

    answer: bytes


Message = Ask | Cancel | End | Ping


class Language(Protocol):
    """One subprotocol: messages of clients in, messages for them out; knows nothing of connections.

    What it is given as `given` are the parameters of the request, which need not be sent back unchanged.
    """

    @property
    def is_binary(self) -> bool:
        """Whether its messages are binary, or else text."""

    @property
    def in_order(self) -> bool:
        """Whether replies come in the order of the requests, unless the client says otherwise."""

    @property
    def farewell(self) -> bytes | None:
        """The message that says that the gateway is about to stop, if there is one."""

    def read(self, message: bytes) -> Message:
        """What a client says; raises a HeadraceError for what is no such message."""

    async def batch(self, ask: Ask) -> Batch:
        """The documents and parameters of a request; raises a HeadraceError for what does not fit."""

    async def reply(self, ask: Ask, context: Context, answer: Batch, given: dict[str, Any]) -> bytes:
        """The whole answer to a request."""

    async def part(self, ask: Ask, context: Context, part: Batch, given: dict[str, Any]) -> bytes:
        """One part of an answer."""

    def end(self, ask: Ask, context: Context) -> bytes:
        """What comes after the last part."""

    def error(self, ask: Ask | None, context: Context, error: Exception) -> bytes:
        """Why a request has no answer; `ask` is None for a message that could not be read."""
