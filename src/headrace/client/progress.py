"""A progress bar on the terminal, or nothing."""

from __future__ import annotations

from types import TracebackType
from typing import Any


class Progress:
    """Shows how many documents are done; with `shown=False` it does nothing at no cost."""

    def __init__(self, title: str, total: int | None, *, shown: bool) -> None:
        self._bar: Any = None
        self._task: Any = None
        if shown:
            # rich takes a tenth of a second to import, and few posts show a bar
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn('{task.description}'),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn('documents'),
                TimeRemainingColumn(),
            )
            self._task = self._bar.add_task(title, total=total)

    def advance(self, count: int) -> None:
        """So many more documents are done."""
        if self._bar is not None:
            self._bar.advance(self._task, count)

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
