"""The options of `Client.post`: for editors as a TypedDict, for us as a checked, frozen record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

from headrace.client.credentials import SECRET_HEADERS
from headrace.documents import BaseDoc, DocList
from headrace.errors import SpecError
from headrace.spec.suggest import did_you_mean

_KEY = re.compile(r'[A-Za-z0-9_.-]+')

Callback = Callable[..., Any]
ReturnType = type['DocList[Any]'] | type[BaseDoc]


class StreamOptions(TypedDict, total=False):
    """What `stream_doc` takes by name; `Options` says what each one means."""

    parameters: Mapping[str, Any] | None
    target_executor: str | None
    request_size: int
    continue_on_error: bool
    return_responses: bool
    max_attempts: int
    initial_backoff: float
    max_backoff: float
    backoff_multiplier: float
    results_in_order: bool
    prefetch: int
    prefetch_bytes: int
    return_type: ReturnType | None
    timeout_s: float | None
    metadata: Mapping[str, str] | None


class PostOptions(StreamOptions, total=False):
    """What `post` takes by name; `Options` says what each one means."""

    show_progress: bool
    stream: bool


@dataclass(frozen=True, kw_only=True)
class Options:
    """How `post` sends its inputs and what it gives back.

    - `parameters`: goes with every request; `{'exec__key': value}` reaches the executor `exec` only.
    - `target_executor`: regular expression for the names of the executors to visit; None is all.
    - `request_size`: documents per request.
    - `show_progress`: draw a progress bar on standard error.
    - `continue_on_error`: an error, of the server or of a callback, is logged and does not end the post; the
      documents of a failed request are missing from the result.
    - `return_responses`: give `Response` objects (documents, parameters, request id) instead of documents.
    - `max_attempts`: how often a request is sent in all while the server cannot be reached or is overloaded.
      Other errors are final. An attempt that broke off may have had its effect: at endpoints that say
      `idempotent=False`, only what an overloaded server refused is sent again.
    - `initial_backoff`, `max_backoff` (seconds), `backoff_multiplier`: before attempt n the client waits a
      random time up to `initial_backoff * backoff_multiplier ** (n - 2)` seconds, at most `max_backoff`, and
      at least what an overloaded server asks for.
    - `results_in_order`: results as their inputs were; otherwise as they arrive.
    - `stream`: over gRPC, send on one long-lived stream; False makes every request a call of its own, which
      load balancers between client and server can tell apart.
    - `prefetch`, `prefetch_bytes`: requests in flight at once, and the bytes of them from which on no other
      begins; inputs are read no further than that.
    - `return_type`: `DocList[Item]` or `Item`, what the results are decoded into; None takes what the server
      names. With a document class, a single result comes without a list around it.
    - `timeout_s`: seconds for each request, all attempts together; None takes that of the client.
    - `metadata`: gRPC metadata or HTTP headers of each request; `x-request-id` names it in all logs.
    """

    on_done: Callback | None = None
    on_error: Callback | None = None
    on_always: Callback | None = None
    parameters: Mapping[str, Any] | None = None
    target_executor: str | None = None
    request_size: int = 100
    show_progress: bool = False
    continue_on_error: bool = False
    return_responses: bool = False
    max_attempts: int = 1
    initial_backoff: float = 0.5
    max_backoff: float = 2.0
    backoff_multiplier: float = 1.5
    results_in_order: bool = True
    stream: bool = True
    prefetch: int = 16
    prefetch_bytes: int = 64 * 1024 * 1024
    return_type: ReturnType | None = None
    timeout_s: float | None = None
    metadata: Mapping[str, str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ('request_size', 'max_attempts', 'prefetch', 'prefetch_bytes'):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SpecError(
                    f'{name}={value!r} is not possible', help=f'{name} is a whole number from 1 on'
                )
        for name in ('initial_backoff', 'max_backoff', 'backoff_multiplier'):
            if not getattr(self, name) >= 0:
                raise SpecError(f'{name}={getattr(self, name)!r} is not possible', help='give 0 or more')
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise SpecError(f'timeout_s={self.timeout_s!r} leaves no time', help='give seconds, or None')
        for name in ('on_done', 'on_error', 'on_always'):
            if not (getattr(self, name) is None or callable(getattr(self, name))):
                raise SpecError(f'{name} is not callable', help='give a function that takes one Response')
        _check_metadata(self.metadata or {})
        wanted = self.return_type
        if wanted is not None and not (isinstance(wanted, type) and issubclass(wanted, DocList | BaseDoc)):
            raise SpecError(
                f'return_type={wanted!r} is no class of documents', help='give DocList[Item] or Item, or None'
            )

    @property
    def doc_type(self) -> type[BaseDoc] | None:
        """The document class of the results, or None for what the server names."""
        if self.return_type is None or issubclass(self.return_type, BaseDoc):
            return self.return_type
        found: type[BaseDoc] = self.return_type.doc_type
        return found


def _check_metadata(metadata: Mapping[str, str]) -> None:
    for key, value in metadata.items():
        texts = isinstance(key, str) and isinstance(value, str)
        if not texts or not _KEY.fullmatch(key) or not (value.isascii() and value.isprintable()):
            shown = '' if isinstance(key, str) and key.lower() in SECRET_HEADERS else f': {value!r}'
            raise SpecError(
                f'metadata {key!r}{shown} cannot be sent',
                help='keys are letters, digits, "-", "_" and "."; values are texts in one line of ASCII',
            )


def options(given: Mapping[str, Any]) -> Options:
    """Keyword arguments of `post` as a record; an unknown one is a SpecError with the name that was meant."""
    return _options('post', given, [each.name for each in fields(Options)])


def stream_options(given: Mapping[str, Any]) -> Options:
    """Keyword arguments of `stream_doc` as a record; SpecError for one that it does not have."""
    return _options('stream_doc', given, sorted(StreamOptions.__annotations__))


def _options(method: str, given: Mapping[str, Any], known: list[str]) -> Options:
    for name in given:
        if name not in known:
            raise SpecError(
                f'{method}() has no option {name!r}',
                help=did_you_mean(name, known, noun=f'options of {method}()'),
            )
    return Options(**given)
