"""Names as Python, executors and JSON have them in, names that GraphQL allows out."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ALLOWED = re.compile(r'[_A-Za-z][_0-9A-Za-z]*')
_NO_WORDS = frozenset(('true', 'false', 'null'))


def is_name(text: str) -> bool:
    """Whether GraphQL allows a name; those that begin with two underscores are its own.

    >>> is_name('price'), is_name('größe'), is_name('__type')
    (True, False, False)
    """
    return _ALLOWED.fullmatch(text) is not None and not text.startswith('__')


def is_enum_value(text: object) -> bool:
    """Whether a text can be a value of an enum."""
    return isinstance(text, str) and is_name(text) and text not in _NO_WORDS


def allowed(text: str) -> str:
    """A name that GraphQL allows, as near to `text` as can be.

    >>> allowed('/shop/find-it'), allowed('größe'), allowed('2nd'), allowed('/'), allowed('__x')
    ('shop_find_it', 'gr__e', '_2nd', 'root', 'x')
    """
    plain = re.sub(r'[^_0-9A-Za-z]', '_', text.strip('/')).removeprefix('_')
    if plain.startswith('_'):
        plain = plain.lstrip('_')
    if not plain:
        return 'root'
    return f'_{plain}' if plain[0].isdigit() else plain


def field_names(names: Iterable[str]) -> dict[str, str]:
    """For each of some names the one that it has in GraphQL: itself wherever it can be; no two are the same.

    >>> field_names(['a', 'ä', '_'])
    {'a': 'a', 'ä': 'root', '_': '_'}
    """
    wanted = list(names)
    given = {name: name for name in wanted if is_name(name)}
    taken = set(given)
    for name in wanted:
        if name not in given:
            given[name] = unused(allowed(name), taken)
            taken.add(given[name])
    return {name: given[name] for name in wanted}


def unused(name: str, taken: Iterable[str]) -> str:
    """The name, or with a number if it is taken."""
    found, number = name, 2
    while found in taken:
        found, number = f'{name}_{number}', number + 1
    return found


def type_name(text: str) -> str:
    """A name for a type from that of a class or an endpoint.

    >>> type_name('/shop/find-it'), type_name('Item'), type_name('/')
    ('ShopFindIt', 'Item', 'Root')
    """
    words = [word for word in allowed(text).split('_') if word]
    joined = ''.join(word[0].upper() + word[1:] for word in words) or 'Type'
    return f'_{joined}' if joined[0].isdigit() else joined
