"""Documents of every kind for round trips: all field types, missing values, odd arrays, parts in parts."""

from __future__ import annotations

import datetime
import enum
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headrace.documents import BaseDoc, DocList, Document, NamedScore, NdArray

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

ROUNDS = settings(
    deadline=None,
    max_examples=40,
    phases=[
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
        Phase.shrink,
    ],  # explaining takes minutes for such values
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

DTYPES = [
    'f4',
    'f8',
    'f2',
    'i1',
    'i8',
    'u2',
    'u8',
    '?',
    'c8',
    'c16',
    '>f4',
    '>i2',
    '>c8',
    'M8[us]',
    'm8[s]',
    'U3',
    'S2',
]
TEXT = st.text(st.characters(exclude_categories=['Cs']), max_size=6)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


@st.composite
def arrays(draw):
    """Arrays of any type and shape: 0-d, empty, big-endian, not contiguous, bfloat16."""
    shape = draw(SHAPES)
    if ml_dtypes is not None and draw(st.integers(0, 5)) == 0:
        return draw(hnp.arrays('f4', shape, elements=st.floats(-9, 9, width=32))).astype(ml_dtypes.bfloat16)
    array = draw(hnp.arrays(draw(st.sampled_from(DTYPES)), shape))
    how = draw(st.sampled_from(['plain', 'transposed', 'reversed', 'strided']))
    if how == 'transposed':
        return array.T
    if how == 'reversed' and array.ndim:
        return array[::-1]
    return np.repeat(array, 2, axis=-1)[..., ::2] if how == 'strided' and array.ndim else array


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda parts: st.lists(parts, max_size=2) | st.dictionaries(TEXT, parts, max_size=2),
    max_leaves=4,
)
TAGS = st.dictionaries(TEXT, PLAIN, max_size=2)
TAGS_WITH_ARRAYS = st.dictionaries(TEXT, PLAIN | arrays(), max_size=2)
SCORES = st.dictionaries(TEXT, st.builds(NamedScore, value=st.floats(-9, 9), op_name=TEXT), max_size=1)


@st.composite
def documents(draw, depth=3, tags=TAGS):
    """A Document with chunks up to `depth` deep, and few of its fields set, as is usual."""
    fields: dict[str, Any] = {}
    values = {
        'text': TEXT,
        'blob': st.binary(max_size=5),
        'tensor': arrays(),
        'embedding': arrays() | st.just(np.arange(3, dtype='f4')),
        'uri': TEXT,
        'tags': tags,
        'weight': st.floats(-9, 9),
        'scores': SCORES,
        'granularity': st.integers(0, 3),
        'offset': st.floats(0, 9),
        'location': st.lists(st.floats(0, 9), max_size=2),
    }
    for name in draw(st.sets(st.sampled_from(sorted(values)), max_size=4)):
        fields[name] = draw(values[name])
    if depth:
        nested = st.lists(documents(depth=depth - 1, tags=tags), max_size=2)
        for name in draw(st.sets(st.sampled_from(['chunks', 'matches']), max_size=1)):
            fields[name] = DocList[Document](draw(nested))
    return Document(**fields)


def lists(tags=TAGS):
    """Lists of Documents, one of them empty now and then."""
    return st.lists(documents(tags=tags), max_size=3).map(DocList[Document])


class Colour(enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class Part(BaseDoc):
    name: str
    vector: NdArray[2] | None = None


class Item(BaseDoc):
    """A typed document with a field of each type."""

    title: str
    vector: NdArray[3, np.float32]
    price: float = 0.0
    count: int = 0
    good: bool = False
    photo: bytes = b''
    note: str | None = None
    rating: float | None = None
    stock: int | None = None
    picture: NdArray | None = None
    labels: list[str] = []
    numbers: list[float] | None = None
    sizes: dict[str, int] = {}
    pair: tuple[int, str] | None = None
    when: datetime.datetime | None = None
    colour: Colour = Colour.RED
    either: int | str = 0
    part: Part | None = None
    parts: DocList[Part] = []
    more: DocList[Part] | None = None


PARTS = st.builds(Part, TEXT, st.none() | st.just(np.array([1.0, 2.0])))
ITEMS = st.builds(
    Item,
    title=TEXT,
    vector=hnp.arrays('f4', 3, elements=st.floats(-9, 9, width=32)),
    price=st.floats(-9, 9) | st.integers(-9, 9),
    count=st.integers(-(2**63), 2**63 - 1),
    good=st.booleans(),
    photo=st.binary(max_size=4),
    note=st.none() | TEXT,
    rating=st.none() | st.floats(-9, 9),
    stock=st.none() | st.integers(-9, 9),
    picture=st.none() | arrays(),
    labels=st.lists(TEXT, max_size=2),
    numbers=st.none() | st.lists(st.floats(-9, 9), max_size=2),
    sizes=st.dictionaries(TEXT, st.integers(-9, 9), max_size=2),
    pair=st.none() | st.tuples(st.integers(-9, 9), TEXT),
    when=st.none() | st.datetimes(),
    colour=st.sampled_from(Colour),
    either=st.integers(-9, 9) | TEXT,
    part=st.none() | PARTS,
    parts=st.lists(PARTS, max_size=2).map(DocList[Part]),
    more=st.none() | st.lists(PARTS, max_size=2).map(DocList[Part]),
)
ITEM_LISTS = st.lists(ITEMS, max_size=3).map(DocList[Item])


def same(one: Any, other: Any) -> bool:
    """Whether documents are the same, their arrays to the last bit, whatever state their lists are in."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return (
            isinstance(one, np.ndarray)
            and isinstance(other, np.ndarray)
            and (one.dtype, one.shape) == (other.dtype, other.shape)
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, BaseDoc):
        return type(one) is type(other) and all(
            same(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__
        )
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(one[k], other[k]) for k in one)
        )
    if isinstance(one, list | tuple | DocList):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return (one == other and isinstance(other, type(one))) or (
        one == other and {type(one), type(other)} == {int, float}
    )
