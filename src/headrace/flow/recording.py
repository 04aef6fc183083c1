"""A running Flow in; out, its requests in a file, as long as a `with` block lasts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from headrace.errors import HeadraceError
from headrace.recording.file import Recording
from headrace.recording.writing import Written
from headrace.spec import Source
from headrace.spec.explain import convert
from headrace.spec.observe import RecordSpec


class FlowRecording:
    """Records a running Flow from its beginning to its end; `async with`, if the Flow is asynchronous.

    `written` says afterwards how many requests are in the file, and how many were left out.
    """

    def __init__(self, flow: Any, path: str | Path, settings: Mapping[str, Any]) -> None:
        given = {'sample': 1.0, **settings, 'path': str(Path(path).absolute())}
        self.path = Path(given['path'])
        self.written = Written()
        self._spec: RecordSpec = convert(given, RecordSpec, Source('Flow.record()'), ())
        self._flow = flow

    def recording(self) -> Recording:
        """What is in the file."""
        return Recording(self.path)

    async def _begin(self) -> None:
        await self._flow.session.running.record(self._spec)

    async def _end(self) -> None:
        self.written = await self._flow.session.running.record(None)

    def __enter__(self) -> Self:
        if self._flow.is_async:
            raise HeadraceError('this Flow is asynchronous', help='async with flow.record(...)')
        self._flow.session.run(self._begin())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flow.session.run(self._end())

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    def __repr__(self) -> str:
        return f'<FlowRecording to {self.path}>'
