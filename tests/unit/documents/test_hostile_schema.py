"""A schema of a stranger: its names become names of fields, and nothing else."""

import msgspec
import pytest

from headrace import BaseDoc, DocList
from headrace.documents.codec import columns, header
from headrace.documents.codec.unpack import read_header
from headrace.errors import CodecError


class Item(BaseDoc):
    title: str = ''


def renamed(name, *, of='field'):
    """Columns of one item whose schema calls a field, or the class, by this name."""
    found, body = read_header(b''.join(columns.encode(DocList[Item]([Item(title='a')]))))
    schema = msgspec.msgpack.decode(found.schema)
    if of == 'field':
        schema['fields'][0]['name'] = name
    else:
        schema['name'] = name
    named = {name if of == 'field' and key == 'title' else key: each for key, each in found.columns.items()}
    written = msgspec.msgpack.encode(header.Header(found.length, named, msgspec.msgpack.encode(schema)))
    start = header.PREFIX.pack(header.MAGIC, len(written)) + written
    return start + bytes(-len(start) % header.ALIGNMENT) + bytes(body)


HOSTILE = [
    'x=__import__("os").abort(),y',
    'x), __import__("os").abort(',
    'x\n',
    '__class__',
    '__init__',
    'lambda',
    'a b',
    '',
    '\uff58',  # Python reads it as x
    'ﬁeld',
    'x' * 300,
    'columns',
]


@pytest.mark.parametrize('of', ['field', 'class'])
@pytest.mark.parametrize('name', HOSTILE)
def test_names_that_are_no_names(name, of):
    try:
        docs = columns.decode(renamed(name, of=of))
    except CodecError:
        return
    assert name == 'columns'
    assert len(docs) == 1


def test_a_name_is_a_name():
    assert columns.decode(renamed('heading'))[0].heading == 'a'
    assert columns.decode(renamed('größe'))[0].größe == 'a'
