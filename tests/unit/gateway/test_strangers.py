"""Keys that no field has, in each form in which documents come, and what a gateway does about them."""

import asyncio
import json
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc

from headrace.documents import BaseDoc, DocList, Document, schema_of
from headrace.errors import DocumentError, HeadraceError
from headrace.gateway.entrance import Entrance
from headrace.gateway.envelopes import Envelopes
from headrace.gateway.http import body as bodies
from headrace.gateway.http.arrow import ArrowBody
from headrace.gateway.http.expected import Expected
from headrace.gateway.http.forms import FormBody, Part
from headrace.gateway.limits import Limits
from headrace.gateway.strangers import Strangers
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, FlowInfo
from headrace.proto import headrace_pb2 as pb
from headrace.spec import GatewaySpec
from headrace.spec.limits import LimitsSpec

LIMITS = Limits(LimitsSpec())


class Item(BaseDoc):
    title: str = ''
    price: float = 0.0


INFO = FlowInfo('shop', (), (EndpointInfo('/price', 'docs', schema_of(Item), schema_of(Item)),))


def as_json(docs, strangers, doc_type):
    text = json.dumps({'data': docs}).encode()
    return bodies.read(text).content(Expected(DocList[doc_type], strangers=strangers))[0]


def as_form(docs, strangers, doc_type):
    parts = [Part('data', json.dumps(docs).encode()), Part('id', b'1')]
    return FormBody(parts, LIMITS).content(Expected(DocList[doc_type], strangers=strangers))[0]


def as_arrow(docs, strangers, doc_type):
    table = pa.Table.from_pylist(docs)
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body = ArrowBody(sink.getvalue().to_pybytes(), b'', LIMITS)
    return body.content(Expected(DocList[doc_type], strangers=strangers))[0]


def in_message(request: pb.Request, strangers: Strangers) -> DocList[Any]:
    entrance = Entrance.into(nobody, INFO, GatewaySpec())
    return asyncio.run(Envelopes(entrance, strangers).read(request, None, '/price')).docs


async def nobody(batch: Batch, context: Context) -> Batch:
    return batch


def as_message(docs, strangers, doc_type):
    request = pb.Request(json=json.dumps(docs).encode())
    return in_message(request, strangers)


def as_rows(docs, strangers, doc_type):
    rows = [pb.Document(fields={key: pb.Value(number=value) for key, value in doc.items()}) for doc in docs]
    request = pb.Request(rows=pb.DocumentRows(documents=rows))
    return in_message(request, strangers)


FORMS = [as_json, as_form, as_arrow, as_message, as_rows]
WRONG = [{'prise': 1.5}]
OTHER = [{'price': 1.5, 'colour': 3.0}]


@pytest.mark.parametrize('read', FORMS)
def test_a_misspelt_field_is_refused_in_every_form(read):
    with pytest.raises(HeadraceError) as caught:
        read(WRONG, Strangers(), Item)
    row = '' if read is as_arrow else '[0]'
    assert caught.value.message == f'Object contains unknown field `prise` - at $.data{row}'
    assert caught.value.help == "did you mean 'price'?"
    assert caught.value.http_status == 422
    assert read(OTHER, Strangers(), Item)[0].price == 1.5


@pytest.mark.parametrize('read', FORMS)
def test_all_others_can_be_refused(read):
    strict = Strangers('refuse')
    with pytest.raises(HeadraceError, match='unknown field `colour`') as caught:
        read(OTHER, strict, Item)
    assert 'title' in caught.value.help
    assert read([{'price': 1.5}], strict, Item)[0].price == 1.5


@pytest.mark.parametrize('read', FORMS)
def test_all_others_can_be_dropped(read):
    assert read(WRONG, Strangers('drop'), Item)[0].price == 0.0


def test_a_document_keeps_columns_that_it_has_no_field_for():
    assert as_arrow([{'txt': 'a'}], Strangers(), Document)[0].tags == {'txt': 'a'}
    with pytest.raises(HeadraceError, match='unknown field `txt`'):
        as_json([{'txt': 'a'}], Strangers(), Document)


def test_clients_of_jina_may_write_null_everywhere():
    nulls = dict.fromkeys(('id', 'text', 'uri', 'tags', 'chunks', 'level_name'))
    assert as_json([nulls], Strangers(), Document)[0].text == ''


def test_a_missing_field_is_told_with_the_key_that_may_stand_for_it():
    class Needs(BaseDoc):
        title: str

    with pytest.raises(HeadraceError) as caught:
        as_json([{'titles': 'a'}], Strangers(), Needs)
    assert caught.value.message == 'Object missing required field `title` - at $.data[0]'
    assert caught.value.help == "did you mean 'title' where it says 'titles'?"
    assert not isinstance(caught.value, DocumentError)
