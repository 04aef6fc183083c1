"""The documents of a message in any of the three forms; and a reply in the form of its request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from headrace.documents import BaseDoc, DocList
from headrace.documents.codec import json
from headrace.pipeline.batch import Batch, Payload
from headrace.proto import headrace_pb2 as pb
from headrace.proto import rows
from headrace.proto.envelope import Buffer

Form = Literal['columns', 'json', 'rows']


def form_of(message: pb.Request | pb.Reply, columns: memoryview | None) -> Form:
    """The form in which a message has its documents.

    Without documents it is rows: who sends none is no client of ours, and can read these.
    """
    if columns is not None:
        return 'columns'
    return 'json' if message.WhichOneof('documents') == 'json' else 'rows'


def read(
    message: pb.Request | pb.Reply,
    columns: memoryview | None,
    doc_type: type[BaseDoc],
    check_rows: rows.Check | None = None,
) -> Payload:
    """The documents of a message; columns stay encoded, the other forms become `doc_type`."""
    if columns is not None:
        return Payload(segments=(columns,), is_shared=True)  # bytes that nobody may write to
    if message.WhichOneof('documents') == 'json':
        return Payload(json.from_json(message.json, doc_type))
    if message.WhichOneof('documents') == 'rows':
        return Payload(rows.read(message.rows, doc_type, check_rows))
    return Payload(DocList[doc_type]())  # type: ignore[valid-type]


def write(message: pb.Reply, batch: Batch, form: Form) -> Sequence[Buffer]:
    """Put the documents of a batch into `message`; columns are given back instead, to be packed behind it."""
    if form == 'columns':
        if len(batch.sources) == 1:
            return batch.sources[0][1].segments()
        return Payload(batch.docs).segments()
    if form == 'json':
        message.json = json.to_json(batch.docs)
    else:
        rows.write(message.rows, batch.docs)
    return ()
