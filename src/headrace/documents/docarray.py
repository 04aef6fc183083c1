"""Documents to the objects of the docarray library and back, of its versions 0.21 and 0.30 or later.

Fields go by name; docarray's `url` is our `uri`, its `bytes_` our `blob`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from headrace.documents.arrays import as_array, is_torch
from headrace.documents.base import BaseDoc
from headrace.documents.fields import Field, Kind, fields_of
from headrace.errors import DocumentError
from headrace.extras import load

if TYPE_CHECKING:
    from headrace.documents.doclist import DocList

_OURS = {'url': 'uri', 'bytes_': 'blob'}
_THEIRS = {'uri': ('url',), 'blob': ('bytes_',)}


def from_docarray(docs: Iterable[Any], list_type: type[DocList[Any]]) -> DocList[Any]:
    """Turn a DocumentArray, DocList or DocVec of docarray into a list of that type.

    What a `Document` has no field for goes to `tags`; other document types drop it. Arrays are not copied.
    """
    return list_type.from_rows([_doc_from(doc, list_type.doc_type) for doc in docs])


def to_docarray(docs: DocList[Any], doc_class: Any = None) -> Any:
    """Turn documents into a list of the installed docarray: a DocumentArray (0.21) or a DocList (0.30 or
    later).

    `doc_class` is docarray's class to make, if not its own Document (0.21) or LegacyDocument. Arrays are not
    copied.
    """
    docarray = load('docarray', extra='docarray')
    if hasattr(docarray, 'BaseDoc'):
        found = doc_class or load('docarray.documents.legacy', extra='docarray').LegacyDocument
        return docarray.DocList[found]([_new_doc(docarray, doc, found) for doc in docs.rows])
    return docarray.DocumentArray(
        [_old_doc(docarray, doc, doc_class or docarray.Document) for doc in docs.rows]
    )


def _doc_from(source: Any, doc_type: type[BaseDoc]) -> BaseDoc:
    fields = fields_of(doc_type)
    values: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in _their_fields(source).items():
        ours = name if name in fields else _OURS.get(name, name)
        if value is None:
            continue
        if ours in fields:
            values[ours] = _value_from(value, fields[ours])
        else:
            rest[name] = _plain(value)
    if rest and 'tags' in fields:
        values['tags'] = {**rest, **values.get('tags', {})}
    try:
        return doc_type(**values)
    except TypeError as error:
        raise DocumentError(
            f'a {type(source).__name__} of docarray does not fit {doc_type.__name__}: {error}'
        ) from error


def _their_fields(source: Any) -> dict[str, Any]:
    if not _is_theirs(source):
        raise DocumentError(f'{type(source).__name__} is no document of docarray')
    names = getattr(source, 'non_empty_fields', None)  # docarray 0.21
    if names is None:
        names = getattr(type(source), 'model_fields', None) or type(source).__fields__
    return {name: getattr(source, name) for name in names}


def _value_from(value: Any, field: Field) -> Any:
    if field.kind is Kind.ARRAY:
        return value if is_torch(value) else np.asarray(as_array(value)).view(np.ndarray)
    if field.kind is Kind.LIST:
        return field.type.from_rows([_doc_from(doc, field.type.doc_type) for doc in value])
    if field.kind is Kind.DOC:
        return _doc_from(value, field.type)
    if field.kind is Kind.BYTES:
        return bytes(value)
    score = _score_type(field)
    if score is not None and isinstance(value, Mapping):
        return {str(name): _score_from(each, score) for name, each in value.items()}
    return _plain(value)


def _score_type(field: Field) -> Any:
    """The class of our scores, for a field of named scores."""
    arguments = get_args(field.type)
    found = arguments[1] if len(arguments) == 2 else None
    return found if getattr(found, '__struct_fields__', ())[:1] == ('value',) else None


def _score_from(value: Any, score: Any) -> Any:
    if isinstance(value, int | float):
        return score(value=float(value))
    names = [name for name in score.__struct_fields__ if getattr(value, name, None) is not None]
    return score(**{name: _plain(getattr(value, name)) for name in names})


def _plain(value: Any) -> Any:
    """A value without docarray's own subclasses of str, bytes and arrays."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.view(np.ndarray)
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if _is_theirs(value):
        return {name: _plain(each) for name, each in _their_fields(value).items() if each is not None}
    return [_plain(each) for each in value] if isinstance(value, Sequence | Set) else value


def _is_theirs(value: Any) -> bool:
    """True for a document of docarray; never imports it."""
    kinds = (hasattr(value, 'non_empty_fields'), hasattr(type(value), 'model_fields'))
    if not any(kinds) and not hasattr(type(value), '__fields__'):
        return False
    return any(base.__module__.partition('.')[0] == 'docarray' for base in type(value).__mro__)


def _set_fields(doc: BaseDoc) -> dict[str, tuple[Field, Any]]:
    found = {name: (field, getattr(doc, name)) for name, field in fields_of(type(doc)).items()}
    return {
        name: (field, value)
        for name, (field, value) in found.items()
        if value is not None and (field.kind is Kind.ARRAY or field.required or not _is_default(field, value))
    }


def _is_default(field: Field, value: Any) -> bool:
    return not value if field.empty_default else bool(value == field.make_default())


def _new_doc(docarray: Any, doc: BaseDoc, doc_class: Any) -> Any:
    known = doc_class.model_fields if hasattr(doc_class, 'model_fields') else doc_class.__fields__
    values = {}
    for name, (field, value) in _set_fields(doc).items():
        theirs = next((each for each in (name, *_THEIRS.get(name, ())) if each in known), None)
        if theirs is None:
            continue
        nested = _nested_class(doc_class, theirs) if field.kind in (Kind.LIST, Kind.DOC) else None
        if field.kind is Kind.LIST:
            value = docarray.DocList[nested]([_new_doc(docarray, each, nested) for each in value])
        elif field.kind is Kind.DOC:
            value = _new_doc(docarray, value, nested)
        elif _score_type(field) is not None:
            value = {key: score.value for key, score in value.items()}
        values[theirs] = value
    return doc_class(**values)


def _nested_class(doc_class: Any, name: str) -> Any:
    """The class of the documents in a field of a class of docarray."""
    finder = getattr(doc_class, '_get_field_inner_type', None) or doc_class._get_field_type  # before 0.40
    found = finder(name)
    return getattr(found, 'doc_type', found)


def _old_doc(docarray: Any, doc: BaseDoc, doc_class: Any) -> Any:
    scores = load('docarray.score', extra='docarray').NamedScore
    made = doc_class(id=doc.id)
    for name, (field, value) in _set_fields(doc).items():
        if field.kind is Kind.LIST:
            value = docarray.DocumentArray([_old_doc(docarray, each, doc_class) for each in value])
        elif _score_type(field) is not None:
            value = {
                key: scores(value=s.value, op_name=s.op_name, description=s.description)
                for key, s in value.items()
            }
        if hasattr(made, name):
            setattr(made, name, value)
        else:
            made.tags[name] = value
    return made
