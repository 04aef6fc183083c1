"""How far a post has come: nothing is shown, unless it is asked for."""

from __future__ import annotations

from importlib import import_module
from types import TracebackType


class Progress:
    """Is told how many documents are done; this one keeps it to itself."""

    def advance(self, count: int) -> None:
        """So many more documents are done."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def progress(title: str, total: int | None, *, shown: bool) -> Progress:
    """A progress bar on the terminal, or its silent stand-in, as the library for bars is slow to import."""
    if not shown:
        return Progress()
    made: Progress = import_module('headrace.client.progress_bar').ProgressBar(title, total)
    return made
