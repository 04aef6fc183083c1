"""What recorded requests are replayed against: a gateway, a Flow, or one executor alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from msgspec.structs import replace

from headrace.client import AsyncClient, ClientSettings
from headrace.documents import DocList
from headrace.errors import BadServer, HeadraceError
from headrace.executors import Executor
from headrace.flow import Flow
from headrace.flow.session import reach
from headrace.pipeline import Batch, Context, Handler
from headrace.pipeline.handler import streamed
from headrace.recording.records import Case, Fault, Side
from headrace.recording.redaction import Redaction
from headrace.recording.tape import fault
from headrace.spec.observe import RecordSpec


class Play(NamedTuple):
    """One thing to be replayed: what was asked, and what came of it then."""

    request_id: str
    endpoint: str
    begun: float
    took_s: float
    asked: Side
    answers: Sequence[Side]
    is_stream: bool
    error: Fault | None
    redaction: Redaction
    target: str = ''


class Target(Protocol):
    """Answers what was recorded, again."""

    async def answer(self, play: Play) -> tuple[list[Any], Fault | None]:
        """The documents of the answer (of all its parts), and the error if there was one."""


def plays_of(case: Case, executor: str) -> list[Play]:
    """What there is to replay of a request: all of it, or its visits to one executor."""
    redaction = _redaction(case.redact, case.blobs)
    if not executor:
        return [
            Play(
                case.request_id,
                case.endpoint,
                case.begun,
                case.took_s,
                case.asked,
                case.answers,
                case.is_stream,
                case.error,
                redaction,
                case.target,
            )
        ]
    return [
        Play(
            case.request_id,
            case.endpoint,
            case.begun + visit.begun_s,
            visit.took_s,
            visit.asked,
            visit.answers,
            visit.is_stream,
            visit.error,
            redaction,
        )
        for visit in case.visits_to(executor)
    ]


class Gateway:
    """A Flow as its clients see it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def answer(self, play: Play) -> tuple[list[Any], Fault | None]:
        """Post the documents as one request."""
        docs: DocList[Any] = play.asked.docs()
        inputs = docs if len(docs) else None
        options = {
            'parameters': play.asked.plain_parameters(),
            'target_executor': play.target or None,
            'request_size': max(1, len(docs)),
        }
        found: list[Any] = []
        try:
            if play.is_stream:
                async for doc in self._client.stream_doc(play.endpoint, inputs, **options):
                    found.append(doc)
            else:
                found.extend(await self._client.post(play.endpoint, inputs, **options))
        except BadServer as error:
            return found, Fault(error.error or type(error).__name__, error.message)
        except HeadraceError as error:
            return found, fault(error)
        return found, None


class Alone:
    """One executor in this process, asked as its Flow asked it: also with several sources."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def answer(self, play: Play) -> tuple[list[Any], Fault | None]:
        """Call the executor."""
        context = Context(play.endpoint, request_id=play.request_id)
        found: list[Any] = []
        try:
            async for part in self._parts(play, context):
                found.extend(part.docs)
        except Exception as error:  # of user code: it is what is looked for
            return found, fault(error)
        return found, None

    async def _parts(self, play: Play, context: Context) -> AsyncGenerator[Batch, None]:
        if play.is_stream:
            async for part in streamed(self._handler)(play.asked.batch(), context):
                yield part
        else:
            yield await self._handler(play.asked.batch(), context)


@asynccontextmanager
async def opened(target: Any, executor: str, settings: ClientSettings) -> AsyncGenerator[Target, None]:
    """What `target` names (see `replay`), as long as the block lasts."""
    if isinstance(target, str):
        async with AsyncClient(target, **settings) as client:
            yield Gateway(client)
    elif isinstance(target, type) and issubclass(target, Executor):
        async with _in_process(Flow(place='in-process').add(uses=target, name=executor)) as flow:
            yield Alone(_handler(flow))
    elif not isinstance(target, Flow):
        raise HeadraceError(
            f'{target!r} is nothing to replay requests against', help='give a Flow, a class, or an address'
        )
    elif executor:
        async with _in_process(only(target, executor)) as flow:
            yield Alone(_handler(flow))
    elif _runs(target):
        async with AsyncClient(**reach(target.session.running)) as client:
            yield Gateway(client)
    else:
        async with _in_process(target) as flow:
            yield Gateway(flow.client)


def _handler(flow: Flow) -> Handler:
    handler = flow.session.running.handler
    assert handler is not None  # as it runs in this process
    return handler


def _runs(flow: Flow) -> bool:
    try:
        return bool(flow.session)
    except HeadraceError:
        return False


@lru_cache(maxsize=64)
def _redaction(redact: tuple[str, ...], blobs: bool) -> Redaction:
    return Redaction(redact, blobs=blobs)


def only(flow: Flow, name: str) -> Flow:
    """One executor of a Flow, in this process, with nothing before or behind it."""
    spec = replace(flow[name], needs=(), floating=False, when=None)
    return Flow.from_spec(replace(flow.spec, executors=(spec,), place='in-process'))


def _in_process(flow: Flow) -> Flow:
    """A Flow to be started on this loop, which records nothing itself."""
    observe = replace(flow.spec.observe, record=RecordSpec())
    return Flow.from_spec(replace(flow.spec, observe=observe), asyncio=True)
