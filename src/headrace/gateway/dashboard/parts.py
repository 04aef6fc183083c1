"""The files of the dashboard's page: everybody may have them, as there is nothing of a Flow in them."""

from __future__ import annotations

from pathlib import Path

from headrace.gateway.http.page_files import PageFiles

FILES = PageFiles(Path(__file__).parent / 'page')
PARTS = FILES.names


def open_paths(path: str) -> frozenset[str]:
    """The paths of the page and its parts, if it is at `path`.

    >>> '/dashboard/main.js' in open_paths('/dashboard'), '/dashboard/state' in open_paths('/dashboard')
    (True, False)
    """
    return frozenset((path, f'{path}/', *(f'{path}/{name}' for name in PARTS)))
