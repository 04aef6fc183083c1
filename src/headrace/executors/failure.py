"""The exception that a user's handler raised in, an error that says where out."""

from __future__ import annotations

from headrace.errors import ExecutorFailure, HeadraceError, Unavailable
from headrace.executors import location
from headrace.executors.endpoint import Endpoint
from headrace.pipeline.hops import Timing

USER_ERRORS = (Exception, SystemExit)
"""What a handler may raise without harm to others; `sys.exit()` in one must not end the worker."""


def failed(
    error: BaseException, name: str, endpoint: Endpoint, timing: Timing | None = None
) -> HeadraceError:
    """What to raise for an exception from the handler of executor `name`, and where its time went.

    Errors of our own that it raises on purpose (RequestError, Overloaded...) keep their class and status.
    The message has no folders, because clients see it; the traceback has, and is kept apart.
    """
    if isinstance(error, Unavailable):
        error.begun = error.answered = True  # said by a handler that runs: no other replica is to be asked
    if isinstance(error, HeadraceError):
        error.timing = timing
        error.add_note(f'in executor {name!r}, endpoint {endpoint.name!r}')
        return error
    place = location.brief(location.of_error(error) or endpoint.location)
    wrapped = ExecutorFailure(
        f'executor {name!r}, endpoint {endpoint.name!r}: {type(error).__name__}: {error} ({place})',
        executor=name,
        endpoint=endpoint.name,
        traceback=location.user_traceback(error),
    )
    wrapped.timing = timing
    wrapped.__cause__ = error
    return wrapped
