"""Documents: typed data with arrays, media and parts, one by one or as columns."""

from __future__ import annotations

from headrace.documents.adapt import doc_type_from
from headrace.documents.arrays import AnyArray, ArraySpec, NdArray, TorchTensor
from headrace.documents.base import BaseDoc
from headrace.documents.doclist import DocList
from headrace.documents.document import Document, DocumentArray, NamedScore
from headrace.documents.dynamic import class_from
from headrace.documents.jsonschema import json_schema
from headrace.documents.mismatch import mismatches
from headrace.documents.schema import DocSchema, FieldSchema, TypeSchema, schema_of

__all__ = [
    'AnyArray',
    'ArraySpec',
    'BaseDoc',
    'DocList',
    'DocSchema',
    'Document',
    'DocumentArray',
    'FieldSchema',
    'NamedScore',
    'NdArray',
    'TorchTensor',
    'TypeSchema',
    'class_from',
    'doc_type_from',
    'json_schema',
    'mismatches',
    'schema_of',
]
