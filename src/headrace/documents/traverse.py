"""A path such as '@r,c,m' in, the lists of nested documents that it leads to out.

A path has steps: `r` the documents themselves, `c` their chunks, `m` their matches, `.[field]` the documents
in a field of a typed document. Steps follow each other (`cc` chunks of chunks), each may choose some of the
documents it came to (`c[0]`, `c[-1]`, `c[:3]`), and a comma starts again at the top. The `@` in front may be
left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from headrace.documents.suggest import did_you_mean
from headrace.errors import DocumentError

Docs: TypeAlias = Any
"""A DocList, or any sequence of documents."""

Keep: TypeAlias = Callable[[Any], bool]

_FIELDS = {'c': 'chunks', 'm': 'matches'}
_STEP = re.compile(r'([rcm]|\.\[\s*(?P<names>\w+(?:\s*,\s*\w+)*)\s*\])(?:\[(?P<chosen>[-+\d:\s]*)\])?')
_PATH_HELP = "write r, c and m as in '@r,c', '@cc', '@c[:3]m', or '@.[field]'"


class Step(NamedTuple):
    """Where to go from a document (no fields: stay), and which of the documents found to keep."""

    fields: tuple[str, ...]
    chosen: slice | int | None


def parse(path: str) -> list[list[Step]]:
    """Turn a path into its alternatives, each a list of steps.

    >>> parse('@r,c[0]')
    [[Step(fields=(), chosen=None)], [Step(fields=('chunks',), chosen=0)]]
    """
    text = path.strip().removeprefix('@')
    alternatives: list[list[Step]] = [[]]
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None and text[at] == ',' and alternatives[-1]:
            alternatives.append([])
            at += 1
        elif match is None and text[at] == ' ':
            at += 1
        elif match is None:
            raise DocumentError(f'{path!r} is not a path: cannot read {text[at:]!r}', help=_PATH_HELP)
        else:
            alternatives[-1].append(_step(match, path))
            at = match.end()
    if not alternatives[-1]:
        raise DocumentError(
            f'{path!r} is not a path: it {"ends too early" if text else "is empty"}', help=_PATH_HELP
        )
    return alternatives


def traverse(docs: Docs, path: str) -> Iterator[Docs]:
    """Yield, for each alternative of the path, the lists of documents that it leads to.

    The lists are those of the documents themselves: what is appended to one is appended to its document.
    """
    for steps in parse(path):
        yield from _walk(docs, steps)


def flat(docs: Docs, path: str, keep: Keep | None = None) -> list[Any]:
    """Gather all documents that the path leads to, in order, as one list; `keep` chooses."""
    found = (doc for part in traverse(docs, path) for doc in part)
    return [doc for doc in found if keep(doc)] if keep is not None else list(found)


def _step(match: re.Match[str], path: str) -> Step:
    names = match['names']
    fields = tuple(name.strip() for name in names.split(',')) if names else ()
    if not fields and match[1] != 'r':
        fields = (_FIELDS[match[1]],)
    chosen = match['chosen']
    if chosen is None:
        return Step(fields, None)
    try:
        bounds = [int(part) if part.strip() else None for part in chosen.split(':')]
    except ValueError:
        bounds = []
    if not 1 <= len(bounds) <= 3 or bounds == [None] or bounds[2:] == [0]:
        raise DocumentError(f'{path!r} is not a path: [{chosen}] is no index or slice', help=_PATH_HELP)
    return Step(fields, slice(*bounds) if len(bounds) > 1 else bounds[0])


def _walk(docs: Docs, steps: Sequence[Step]) -> Iterator[Docs]:
    if not steps:
        yield docs
        return
    step, rest = steps[0], steps[1:]
    if not step.fields:
        yield from _walk(_choose(docs, step.chosen), rest)
        return
    for doc in docs:
        for name in step.fields:
            yield from _walk(_choose(_nested(doc, name), step.chosen), rest)


def _nested(doc: Any, name: str) -> Docs:
    try:
        value = getattr(doc, name)
    except AttributeError:
        known = [*getattr(type(doc), '__struct_fields__', ())]
        raise DocumentError(
            f'{type(doc).__name__} has no field {name!r} to go into', help=did_you_mean(name, known)
        ) from None
    if value is None:
        return ()
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)


def _choose(docs: Docs, chosen: slice | int | None) -> Docs:
    if chosen is None:
        return docs
    if isinstance(chosen, slice):
        return docs[chosen]
    return [docs[chosen]] if -len(docs) <= chosen < len(docs) else []
