"""A progress bar on the terminal, beside what the program itself prints: on standard error."""

from __future__ import annotations

from types import TracebackType

import rich.progress as bars
from rich.console import Console

from headrace.client.progress import Progress


class ProgressBar(Progress):
    """Shows how many documents are done, of how many if that is known, and the time that is left."""

    def __init__(self, title: str, total: int | None) -> None:
        self._bar = bars.Progress(
            bars.TextColumn('{task.description}'),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn('documents'),
            bars.TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(title, total=total)

    def advance(self, count: int) -> None:
        self._bar.advance(self._task, count)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:  # the inputs have come to their end, so the total is known
            self._bar.update(self._task, total=self._bar.tasks[0].completed)
        self._bar.stop()
