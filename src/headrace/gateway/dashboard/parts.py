"""The files of the dashboard's page: everybody may have them, as there is nothing of a Flow in them."""

from __future__ import annotations

PARTS = (
    *('page.css', 'views.css', 'theme.js', 'main.js', 'api.js', 'dom.js', 'numbers.js', 'snapshots.js'),
    *('spark.js', 'cards.js', 'graph.js', 'details.js', 'waterfall.js', 'requests.js', 'logs.js'),
    *('schema.js', 'answer.js', 'tryit.js'),
)


def open_paths(path: str) -> frozenset[str]:
    """The paths of the page and its parts, if it is at `path`.

    >>> '/dashboard/main.js' in open_paths('/dashboard'), '/dashboard/state' in open_paths('/dashboard')
    (True, False)
    """
    return frozenset((path, f'{path}/', *(f'{path}/{name}' for name in PARTS)))
