"""Two schemas compared: what one executor gives against what the next one takes."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.documents.schema import DOCUMENT, DocSchema, FieldSchema, TypeSchema

_Fields = Mapping[str, tuple[FieldSchema, ...]]


def mismatches(produced: DocSchema, accepted: DocSchema) -> list[str]:
    """Why documents of one schema cannot be taken as those of another, a sentence each; empty if they can.

    `Document` takes anything. Fields that the taker does not know are dropped and no mismatch.
    """
    if accepted.name == DOCUMENT or produced == accepted:
        return []
    return _compare(
        (produced.name, produced.fields, {**produced.refs, produced.name: produced.fields}),
        (accepted.name, accepted.fields, {**accepted.refs, accepted.name: accepted.fields}),
        '',
        frozenset(),
    )


_Side = tuple[str, tuple[FieldSchema, ...], _Fields]


def _compare(produced: _Side, accepted: _Side, path: str, seen: frozenset[tuple[str, str]]) -> list[str]:
    if accepted[0] == DOCUMENT or (produced[0], accepted[0]) in seen:
        return []
    seen |= {(produced[0], accepted[0])}
    have = {field.name: field for field in produced[1]}
    found: list[str] = []
    for field in accepted[1]:
        where = f'{path}{field.name}'
        given = have.get(field.name)
        if given is not None:
            found += _types(given.type, field.type, where, (produced[2], accepted[2]), seen)
        elif field.required:
            found.append(f'{accepted[0]} needs the field {where!r}, which {produced[0]} does not have')
    return found


def _types(
    given: TypeSchema,
    wanted: TypeSchema,
    where: str,
    refs: tuple[_Fields, _Fields],
    seen: frozenset[tuple[str, str]],
) -> list[str]:
    if 'any' in (given.kind, wanted.kind) or 'union' in (given.kind, wanted.kind):
        return []
    if wanted.kind in ('doc', 'docs') and given.kind == wanted.kind:
        return _compare(
            (given.doc, refs[0].get(given.doc, ()), refs[0]),
            (wanted.doc, refs[1].get(wanted.doc, ()), refs[1]),
            f'{where}.',
            seen,
        )
    if given.kind == wanted.kind == 'array':
        return _arrays(given, wanted, where)
    if given.kind == wanted.kind or (given.kind, wanted.kind) in _CONVERTIBLE:
        return []
    return [f'the field {where!r} is {given.kind}, and {wanted.kind} is wanted']


_CONVERTIBLE = {
    ('int', 'float'),
    ('choice', 'str'),
    ('choice', 'int'),
    ('str', 'choice'),
    ('int', 'choice'),
    ('list', 'array'),
    ('array', 'list'),
    ('list', 'tuple'),
    ('tuple', 'list'),
    ('list', 'set'),
    ('set', 'list'),
    ('object', 'dict'),
    ('dict', 'object'),
}


def _arrays(given: TypeSchema, wanted: TypeSchema, where: str) -> list[str]:
    found = []
    if given.shape is not None and wanted.shape is not None and not _shapes_fit(given.shape, wanted.shape):
        found.append(
            f'the field {where!r} has shape {_shape(given.shape)}, and {_shape(wanted.shape)} is wanted'
        )
    if given.dtype and wanted.dtype and not _dtypes_fit(given.dtype, wanted.dtype):
        found.append(f'the field {where!r} has dtype {given.dtype}, and {wanted.dtype} is wanted')
    return found


def _shapes_fit(given: tuple[int | str | None, ...], wanted: tuple[int | str | None, ...]) -> bool:
    return len(given) == len(wanted) and all(
        one == other or not (isinstance(one, int) and isinstance(other, int))
        for one, other in zip(given, wanted, strict=True)
    )


def _dtypes_fit(given: str, wanted: str) -> bool:
    order = 'biufc'
    one, other = given[1:2], wanted[1:2]
    return (
        given == wanted
        or given[:1] not in '<>|'
        or wanted[:1] not in '<>|'
        or (one in order and other in order and order.index(one) <= order.index(other))
    )


def _shape(shape: tuple[int | str | None, ...]) -> str:
    return f'({", ".join("any" if size is None else str(size) for size in shape)})'
