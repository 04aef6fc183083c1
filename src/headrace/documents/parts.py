"""Fields that are lists of documents: an empty `DocList` from the first look on, whatever was put there.

msgspec fills the slot of such a field with what the constructor got, or with a default that all documents
would share (`None`, `[]`, `DocList()`). The way from Python to the slot goes through a property that turns it
into a list of its own. So documents without parts, most of them, do not pay for empty lists.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from typing import Any

import msgspec


def own_lists(doc_type: type[Any]) -> None:
    """Put such a property before every field of this class that is annotated with a list of documents."""
    for name, annotation in inspect.get_annotations(doc_type).items():
        slot = doc_type.__dict__.get(name)
        if isinstance(slot, types.MemberDescriptorType) and _speaks_of_lists(annotation, doc_type.__module__):
            setattr(doc_type, name, _list_property(doc_type, name, slot))


def list_type_of(annotation: Any) -> tuple[Any, bool]:
    """The DocList class in an annotation (None if there is none), and whether None may stand there."""
    if getattr(annotation, 'doc_type', None) is not None and isinstance(annotation, type):
        return annotation, False
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = typing.get_args(annotation)
        lists = [found for found, _ in map(list_type_of, members) if found is not None]
        return (lists[0] if lists else None), type(None) in members
    return None, False


def _speaks_of_lists(annotation: Any, module: str) -> bool:
    if not isinstance(annotation, str):
        return list_type_of(annotation)[0] is not None
    if 'DocList' in annotation or 'DocumentArray' in annotation:
        return True
    known = sys.modules.get(module)
    return annotation.isidentifier() and list_type_of(getattr(known, annotation, None))[0] is not None


def _list_property(doc_type: type[Any], name: str, slot: Any) -> property:
    read, write = slot.__get__, slot.__set__
    known: list[
        Any
    ] = []  # list class, optional, default: annotations can be read only when all names are known

    def resolved() -> list[Any]:
        if not known:
            info = next(info for info in msgspec.structs.fields(doc_type) if info.name == name)
            known[:] = (*list_type_of(info.type), info.default)  # not added: other threads do the same
        return known

    def get(doc: Any) -> Any:
        value = read(doc)
        list_type, optional, default = known or resolved()
        if (
            (type(value) is list_type and value is not default)
            or (value is None and optional)
            or list_type is None
        ):
            return value
        value = list_type(value or ())
        write(doc, value)
        return value

    def put(doc: Any, value: Any) -> None:
        list_type = (known or resolved())[0]
        write(
            doc,
            value if value is None or list_type is None or isinstance(value, list_type) else list_type(value),
        )

    return property(get, put)
