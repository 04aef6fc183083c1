"""Code of a user in a gateway: the class to subclass, and the Flow as that code calls it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, NamedTuple, TypeVar

from headrace.documents import BaseDoc, DocList, Document, class_from
from headrace.gateway.entrance import Entrance
from headrace.gateway.identity import Identity
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import DEFAULT_ENDPOINT

App = Any
"""An ASGI application, such as that of FastAPI, Starlette or Django."""

D = TypeVar('D', bound=BaseDoc)


class Answer(NamedTuple):
    """What the Flow gave back."""

    docs: DocList[Any]
    parameters: dict[str, Any]


class FlowCalls:
    """The Flow behind a gateway, for code that runs in the gateway.

    It has the limits that every request has, and the rights of `identity` (None: all rights).
    """

    def __init__(
        self, entrance: Entrance, identity: Identity | None = None, *, client: str = '', request_id: str = ''
    ) -> None:
        self._entrance = entrance
        self._identity = identity
        self._client = client
        self._request_id = request_id
        self._endpoints = {endpoint.name: endpoint for endpoint in entrance.info.endpoints}

    async def post(
        self,
        on: str,
        docs: DocList[Any] | BaseDoc | None = None,
        parameters: dict[str, Any] | None = None,
        *,
        target: str = '',
        timeout_s: float | None = None,
        return_type: type[BaseDoc] | None = None,
    ) -> Answer:
        """Call an endpoint, as a client's `post` does; the documents are of `return_type`, or as declared.

        Raises Overloaded without room, Forbidden if it is not for who asks, DeadlineExceeded after
        `timeout_s` seconds (the gateway's, if not given), and what executors raise.

            docs, parameters = await flow.post('/search', Document(text='hat'), {'limit': 3})
        """
        batch, context = self._begin(on, docs, parameters, target, timeout_s)
        with self._entrance.admission.enter(self._client, 0, context.left_s()) as ticket:
            ticket.begin()
            answer = await self._entrance.handler(batch, context)
            return Answer(answer.docs_as(return_type or self._gives(on)), answer.parameters)

    async def stream(
        self,
        on: str,
        docs: DocList[Any] | BaseDoc | None = None,
        parameters: dict[str, Any] | None = None,
        *,
        target: str = '',
        timeout_s: float | None = None,
        return_type: type[BaseDoc] | None = None,
    ) -> AsyncGenerator[Any, None]:
        """Call an endpoint, and give each document as soon as it is there; closing this ends the work."""
        batch, context = self._begin(on, docs, parameters, target, timeout_s)
        entrance = self._entrance
        with (
            entrance.admission.enter(self._client, 0, context.left_s()),
            entrance.limits.stream(self._client),
        ):
            async with aclosing(entrance.stream(batch, context, protocol='custom')) as parts:
                async for part in parts:
                    for doc in part.docs_as(return_type or self._gives(on)):
                        yield doc

    def _begin(
        self,
        on: str,
        docs: DocList[Any] | BaseDoc | None,
        parameters: Any,
        target: str,
        timeout_s: float | None,
    ) -> tuple[Batch, Context]:
        if self._identity is not None:
            self._entrance.permit(self._identity, on, target)
        listed = DocList([docs]) if isinstance(docs, BaseDoc) else docs
        context = Context.within(
            on,
            self._entrance.spec.timeout_s if timeout_s is None else timeout_s,
            request_id=self._request_id,
            target=target,
            client=self._client,
        )
        return Batch(listed, dict(parameters or {})), context

    def _gives(self, on: str) -> type[BaseDoc] | None:
        """The class that an endpoint declares; None if it may be any."""
        info = self._endpoints.get(on) or self._endpoints.get(DEFAULT_ENDPOINT)
        given = class_from(info.output) if info is not None else Document
        return None if issubclass(given, Document) else given


class Gateway:
    """What a gateway serves beside its own routes: subclass it, and name it as `uses` of the gateway.

    One is made in each gateway process, with the arguments `uses_with`, when the executors can work. `flow`
    calls the Flow. Requests for which the gateway has no route go to the ASGI application that `app` gives.

        class Shop(Gateway):
            def app(self):
                api = FastAPI()

                @api.get('/find')
                async def find(text: str):
                    docs, _ = await self.flow.post('/search', Document(text=text))
                    return [doc.text for doc in docs]

                return api
    """

    flow: FlowCalls

    async def setup(self) -> None:
        """Called before the first request: open here what `app` needs."""

    def app(self) -> App | None:
        """The ASGI application for what has no route; None if there is none."""
        return None

    async def close(self) -> None:
        """Called after the last request."""
