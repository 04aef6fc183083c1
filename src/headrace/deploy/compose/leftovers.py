"""The Compose file of an earlier export and the next one in; out, what only the first one has."""

from __future__ import annotations

from typing import Any

import yaml

LABEL = 'com.docker.compose.project'
"""The label by which Compose knows what is of a project."""


def volumes_left(before: str, after: str) -> list[str]:
    """The volumes, as engines call them, that only the earlier file has: nothing removes them by itself.

    >>> volumes_left('{name: shop, volumes: {index-data: {}}}', '{name: shop}')
    ['shop_index-data']
    """
    old, new = _volumes(before), _volumes(after)
    return [name for name in old if name not in new]


def _volumes(text: str) -> list[str]:
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return []
    if not isinstance(document, dict) or not isinstance(document.get('volumes'), dict):
        return []
    return [f'{document.get("name", "")}_{volume}' for volume in document['volumes']]
