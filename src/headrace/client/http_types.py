"""Which class the documents of a JSON reply are of: JSON does not say, but the gateway describes its Flow."""

from __future__ import annotations

import re

import aiohttp
import msgspec

from headrace.documents import BaseDoc, Document, class_from
from headrace.errors import HeadraceError
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, FlowInfo

PATH = '/describe'

_infos = msgspec.json.Decoder(FlowInfo)


class OutputTypes:
    """The document class of each endpoint's results, asked for once."""

    def __init__(self) -> None:
        self._info: FlowInfo | None = None

    async def of(self, session: aiohttp.ClientSession, endpoint: str, target: str) -> type[BaseDoc]:
        """The class of what an endpoint gives; Document where nobody says."""
        if self._info is None:
            self._info = await _described(session)
        found = _endpoint(self._info, endpoint, target)
        return Document if found is None else class_from(found.output)


async def _described(session: aiohttp.ClientSession) -> FlowInfo:
    nothing = FlowInfo(name='', executors=(), endpoints=())
    try:
        async with session.get(PATH) as answer:
            return _infos.decode(await answer.read()) if answer.status == 200 else nothing
    except (msgspec.DecodeError, HeadraceError):
        return nothing


def _endpoint(info: FlowInfo, endpoint: str, target: str) -> EndpointInfo | None:
    """What answers last: of the whole Flow, or of the executors that a target names."""
    if target:
        answers = [each.endpoint(endpoint) for each in info.executors if re.match(target, each.name)]
        return next((each for each in reversed(answers) if each is not None), None)
    known = {each.name: each for each in info.endpoints}
    return known.get(endpoint) or known.get(DEFAULT_ENDPOINT)
