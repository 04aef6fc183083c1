"""Classes that are made from a schema have the defaults of the class that it describes."""

import datetime
import decimal
import uuid

from headrace.documents import BaseDoc, DocList, class_from, schema_of
from headrace.documents.schema import DocSchema


class Defaults(BaseDoc):
    raw: bytes = b'\x00\x01'
    none: bytes = b''
    day: datetime.date = datetime.date(2026, 1, 31)
    span: datetime.timedelta = datetime.timedelta(minutes=90)
    key: uuid.UUID = uuid.UUID(int=7)
    cost: decimal.Decimal = decimal.Decimal('1.10')
    words: set[str] = set()
    pair: tuple[int, str] = (1, 'a')
    names: list[str] = []
    ratio: float = 1.0
    maybe: bytes | None = b'x'


def elsewhere(doc_type: type[BaseDoc]) -> type[BaseDoc]:
    """The class as a process makes it that has only its schema."""
    schema = schema_of(doc_type)
    return class_from(DocSchema('Elsewhere', schema.fields, schema.refs))


def test_defaults_are_of_their_types() -> None:
    made, written = elsewhere(Defaults)(id='a'), Defaults(id='a')
    for name in Defaults.__struct_fields__:
        assert getattr(made, name) == getattr(written, name), name
        assert type(getattr(made, name)) is type(getattr(written, name)), name


def test_no_two_documents_share_a_default() -> None:
    made = elsewhere(Defaults)
    one, other = made(), made()
    assert one.words is not other.words  # type: ignore[attr-defined]
    assert one.names is not other.names  # type: ignore[attr-defined]


def test_they_travel() -> None:
    made = elsewhere(Defaults)
    docs = DocList[made]([made(id='a')])  # type: ignore[valid-type]
    assert DocList[Defaults].from_bytes(docs.to_bytes())[0] == Defaults(id='a')
