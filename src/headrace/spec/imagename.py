"""The name of an image in; out, whether it is one, and which version it says."""

from __future__ import annotations

import re

_HOST = r'(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::\d+)?/)?'
_PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
_VERSION = (
    r'(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?P<digest>@[A-Za-z][A-Za-z0-9+._-]*:[0-9a-fA-F]{32,})?'
)
_NAME = re.compile(f'{_HOST}{_PART}(?:/{_PART})*{_VERSION}', re.ASCII)
"""The grammar that engines and registries share: registry:port/folder/name:tag@digest."""


def is_image(name: str) -> bool:
    """Whether engines take a text for the name of an image.

    >>> is_image('registry.example:5000/shop/encoder:1.2'), is_image('bad image'), is_image('Shop:1')
    (True, False, False)
    """
    return _NAME.fullmatch(name) is not None


def says_version(name: str) -> bool:
    """Whether the name of an image has a digest, or a tag other than `latest`, which is another one each day.

    >>> [says_version(name) for name in ('shop:1', 'shop:latest', 'localhost:5000/shop')]
    [True, False, False]
    """
    found = _NAME.fullmatch(name)
    return found is not None and bool(found['digest'] or found['tag'] not in (None, ':latest'))


def without_version(name: str) -> str:
    """The name of an image without its tag and digest.

    >>> [without_version(name) for name in ('shop:1', 'localhost:5000/shop', f'shop:1@sha256:{"0" * 64}')]
    ['shop', 'localhost:5000/shop', 'shop']
    """
    head, slash, last = name.partition('@')[0].rpartition('/')
    return f'{head}{slash}{last.partition(":")[0]}'
