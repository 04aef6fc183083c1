"""The routes into the Flow: what a client asks for in, its answer in the form that it accepts out."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.errors import DocumentError
from headrace.gateway.http import arrow, large
from headrace.gateway.http import body as bodies
from headrace.gateway.http.arrow import ARROW
from headrace.gateway.http.call import Call
from headrace.gateway.http.front import Front
from headrace.gateway.http.negotiation import ANYTHING, best
from headrace.gateway.http.parts import EVENTS, FORMS, LINES, Parts
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import JSON, Response
from headrace.gateway.refusals import reply_too_large
from headrace.gateway.steps import FEW

OFFERED = (JSON, EVENTS, LINES, ARROW)
BASE64 = b'arrays=base64'


class FlowRoute:
    """The route into one endpoint of the Flow, or (with endpoint '') into the one that the body names."""

    __slots__ = ('endpoint', 'front')

    def __init__(self, front: Front, endpoint: str = '') -> None:
        self.front = front
        self.endpoint = endpoint

    async def __call__(self, request: Request) -> Response:
        accepted = request.headers.get(b'accept', b'')
        form = JSON if accepted in ANYTHING else best(accepted, OFFERED) or JSON
        arrays = 'base64' if BASE64 in request.query else 'list'
        if form in FORMS:
            return await self._in_parts(request, form, arrays)
        call = Call(self.front, request)
        try:
            reply = await self.front.handler(await call.open(self.endpoint), call.context)
        except BaseException as error:
            raise call.cause(error) from None
        finally:
            call.close()
        context = call.context
        try:
            docs = reply.docs_as(call.output)
        except DocumentError as error:
            raise bodies.unpromised(error) from error
        header = bodies.ReplyHeader(context.request_id, context.endpoint, context.target)
        if form == ARROW:
            data = arrow.write(docs, reply.parameters, header)
        elif len(docs) <= FEW:
            data = bodies.write(docs, reply.parameters, header, arrays=arrays)
        else:
            data = await large.write(docs, reply.parameters, header, call.front, arrays=arrays)
        if len(data) > self.front.max_body_bytes:
            raise reply_too_large(self.front.max_body_bytes)
        return Response(200, data, form)

    async def _in_parts(self, request: Request, form: bytes, arrays: str) -> Response:
        if b'last-event-id' in request.headers:
            return Response(204, b'')  # it would be done once more: so browsers know not to ask again
        call = Call(self.front, request)
        return await Parts(call, FORMS[form], arrays, self.front.development).begin(self.endpoint)


def wants_parts(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request asks for its answer in parts."""
    return best(headers.get(b'accept', b''), OFFERED) in FORMS
