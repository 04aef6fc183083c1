"""Every error of Headrace, with the status it has on each protocol.

HeadraceError
├── SpecError               what was asked for cannot be: a Flow, YAML or argument is wrong
├── DocumentError           a document does not fit its type (field, shape, dtype)
│   └── CodecError          bytes that are not what they claim to be
├── ExecutorError           an executor's class, constructor or handler is wrong
│   ├── LoadError           `uses=` names something that cannot be loaded
│   └── ExecutorFailure     user code raised while it handled a request
├── RequestError            a request cannot be served, and it is the caller's to change
│   ├── EndpointNotFound
│   ├── TooLarge
│   ├── Unauthenticated     nobody knows who asks
│   └── Forbidden           who asks may not do this
├── Unavailable             nobody is there to serve it now
│   ├── Overloaded
│   │   └── RateLimited     the caller asks too often
│   └── StartError          a Flow did not start
├── DeadlineExceeded
├── Cancelled               the caller left
├── ProtocolError           a peer speaks another language or version
├── BadServer               what the server answered a client with
└── MissingExtra            an optional dependency is not installed
"""

from __future__ import annotations

from asyncio import Future
from typing import Any


class HeadraceError(Exception):
    """What happened, where, and in `help` what to do about it.

    `is_refusal` says that a gateway has refused a call, for what it is or who sends it: the audit log has it.
    `timing` is where the time of a call went that ended with it (a `pipeline.hops.Timing`), if that is known.
    """

    http_status = 500
    grpc_status = 'INTERNAL'
    is_refusal = False
    timing: Any = None

    def __init__(self, message: str, *, help: str = '') -> None:
        super().__init__(message)
        self.message = message
        self.help = help

    def __str__(self) -> str:
        return f'{self.message}\n  help: {self.help}' if self.help else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[HeadraceError], args: tuple[object, ...], state: dict[str, object]) -> HeadraceError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class SpecError(HeadraceError, ValueError):
    """A Flow, its YAML or an argument asks for something that cannot be."""

    http_status = 400
    grpc_status = 'INVALID_ARGUMENT'


class DocumentError(HeadraceError, ValueError):
    """A document does not fit its type."""

    http_status = 422
    grpc_status = 'INVALID_ARGUMENT'


class CodecError(DocumentError):
    """Bytes that are not what they claim to be: truncated, damaged, hostile or of another version."""

    http_status = 400


class ExecutorError(HeadraceError):
    """An executor's class, constructor or handler is wrong."""


class LoadError(ExecutorError):
    """`uses=` names something that cannot be loaded."""


class ExecutorFailure(ExecutorError):
    """User code raised while it handled a request.

    `executor` and `endpoint` say where; `traceback` has the frames of the user's code as text and is shown
    to clients only in development.
    """

    def __init__(
        self, message: str, *, executor: str = '', endpoint: str = '', traceback: str = '', help: str = ''
    ) -> None:
        super().__init__(message, help=help)
        self.executor = executor
        self.endpoint = endpoint
        self.traceback = traceback


class RequestError(HeadraceError):
    """A request cannot be served as it is; the caller has to change it."""

    http_status = 400
    grpc_status = 'INVALID_ARGUMENT'


class EndpointNotFound(RequestError):
    """No executor of the Flow serves this endpoint."""

    http_status = 404
    grpc_status = 'NOT_FOUND'


class TooLarge(RequestError):
    """The request is larger than the server accepts."""

    http_status = 413
    grpc_status = 'RESOURCE_EXHAUSTED'


class Unauthenticated(RequestError):
    """Nobody knows who asks: a key, token or certificate is missing, unknown, expired or withdrawn.

    `challenge` is what HTTP says in WWW-Authenticate, `host` where the call came from.
    """

    http_status = 401
    grpc_status = 'UNAUTHENTICATED'
    challenge = 'Bearer realm="headrace"'
    host = ''


class Forbidden(RequestError):
    """It is known who asks, and this is not for them."""

    http_status = 403
    grpc_status = 'PERMISSION_DENIED'


class Unavailable(HeadraceError):
    """Nobody is there to serve the request now; it may work later.

    `begun` is False if the request has surely not begun to run: it may be sent again, whatever it does.
    `answered` is True if an executor's own code said so: that is its answer, and no other replica is asked.
    `late` is where the answer of a replica that is silent may still come (inside a gateway only).
    """

    http_status = 503
    grpc_status = 'UNAVAILABLE'
    begun = True
    answered = False
    late: Future[Any] | None = None

    def __init__(self, message: str, *, begun: bool = True, help: str = '') -> None:
        super().__init__(message, help=help)
        self.begun = begun
        self.answered = False


class Overloaded(Unavailable):
    """A queue is full; try again after `retry_after_s` seconds."""

    http_status = 429
    grpc_status = 'RESOURCE_EXHAUSTED'

    def __init__(self, message: str, *, retry_after_s: float = 1.0, help: str = '') -> None:
        super().__init__(message, begun=False, help=help)
        self.retry_after_s = retry_after_s


class RateLimited(Overloaded):
    """The caller asks more often than it may; again after `retry_after_s` seconds.

    `host` is where the call came from, `who` the name of who called, if it is known.
    """

    host = ''
    who = ''


class StartError(Unavailable):
    """A Flow did not start: the message has the executor's name and its own error."""


class DeadlineExceeded(HeadraceError, TimeoutError):
    """The request's time is over."""

    http_status = 504
    grpc_status = 'DEADLINE_EXCEEDED'


class Cancelled(HeadraceError):
    """The caller left before the answer was there."""

    http_status = 499
    grpc_status = 'CANCELLED'


class ProtocolError(HeadraceError):
    """A peer speaks another protocol or an unknown version of ours."""

    http_status = 502
    grpc_status = 'INTERNAL'


class BadServer(HeadraceError):
    """The error a server answered a client with.

    `status` is the HTTP status or gRPC status name, `error` the server's error class, `request_id` what to
    look for in the server's logs, `retry_after_s` how long an overloaded server wants to be left alone.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | str = 500,
        error: str = '',
        request_id: str = '',
        retry_after_s: float = 0.0,
        help: str = '',
    ) -> None:
        super().__init__(message, help=help)
        self.status = status
        self.error = error
        self.request_id = request_id
        self.retry_after_s = retry_after_s


class MissingExtra(HeadraceError, ImportError):
    """An optional dependency is not installed; the message has the command that installs it."""
