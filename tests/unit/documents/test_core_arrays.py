from __future__ import annotations

from typing import Any, Literal

import ml_dtypes
import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document, NdArray
from headrace.documents.arrays import ArraySpec, array_spec, as_array, dtype_of, fit, spec_of, wire_dtype
from headrace.errors import DocumentError


@pytest.mark.parametrize(
    ('alias', 'shape', 'dtype'),
    [
        (NdArray, None, None),
        (NdArray[512], (512,), None),
        (NdArray['x', 'x', 3], ('x', 'x', 3), None),
        (NdArray[None, 4], (None, 4), None),
        (NdArray[512, np.float32], (512,), '<f4'),
        (NdArray[np.uint8], None, '|u1'),
        (NdArray[3, np.dtype('>i2')], (3,), '>i2'),
        (NdArray[2, float], (2,), '<f8'),
        (NdArray[2, ml_dtypes.bfloat16], (2,), 'bfloat16'),
        (NdArray[Literal[7], Literal['n']], (7, 'n'), None),
    ],
)
def test_what_an_annotation_asks_for(alias: Any, shape: Any, dtype: Any) -> None:
    assert spec_of(alias) == ArraySpec(shape, dtype)


def test_annotations_show_themselves() -> None:
    assert repr(NdArray) == 'NdArray'
    assert repr(NdArray['x', 3, np.float32]) == "NdArray['x', 3, float32]"


@pytest.mark.parametrize('wrong', [(-1,), (True,), (object(),), ((1, 2), 3), (object,)])
def test_nonsense_in_brackets_is_told(wrong: Any) -> None:
    with pytest.raises(DocumentError, match=r'no size of an array|no element type|cannot be sent'):
        array_spec(wrong)


@pytest.mark.parametrize(
    ('spec', 'shape', 'fits'),
    [
        ((4,), (4,), True),
        ((4,), (5,), False),
        ((4,), (4, 1), False),
        ((), (), True),
        (('x', 'x'), (3, 3), True),
        (('x', 'x'), (3, 4), False),
        (('x', 'y', 3), (8, 9, 3), True),
        ((None, 2), (7, 2), True),
        ((0,), (0,), True),
    ],
)
def test_shapes(spec: Any, shape: Any, fits: bool) -> None:
    array = np.zeros(shape)
    if fits:
        assert fit(array, ArraySpec(spec)) is array
        assert fit(array[None], ArraySpec(spec), leading=1).shape == (1, *shape)
    else:
        with pytest.raises(ValueError, match='Expected array of shape'):
            fit(array, ArraySpec(spec))


def test_element_types_are_converted_where_nothing_is_lost_but_precision() -> None:
    wanted = ArraySpec(None, '<f4')
    assert fit(np.ones(2), wanted).dtype == np.float32
    assert fit(np.ones(2, np.int64), wanted).dtype == np.float32
    assert fit(np.ones(2, '>f4'), wanted).dtype == np.dtype('<f4')
    with pytest.raises(ValueError, match='got dtype float64'):
        fit(np.ones(2), ArraySpec(None, '<i4'))
    with pytest.raises(ValueError, match='got dtype complex128'):
        fit(np.ones(2, complex), wanted)


@pytest.mark.parametrize(
    'name',
    ['<f4', '>f8', '|u1', '|b1', '<c16', '<U7', '|S3', '<M8[ns]', '<m8[s]', 'bfloat16', 'float8_e4m3fn'],
)
def test_names_of_element_types_go_both_ways(name: str) -> None:
    assert wire_dtype(dtype_of(name)) == name


@pytest.mark.parametrize(
    'name', ['|O', '|V8', '', 'f4', '<f3', '<U0', '<M8[xx]', 'float8_zz', '(2,)<f4', '<f4' * 9, '<i4,<i4']
)
def test_other_names_of_element_types_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match='unknown dtype'):
        dtype_of(name)


def test_array_likes() -> None:
    class Like:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.arange(3)

    array = np.ones(3)
    assert as_array(array) is array
    assert as_array([[1, 2], [3, 4]]).shape == (2, 2)
    assert as_array(Like()).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match='Expected an array, got list'):
        as_array([[1], [2, 3]])


class Pixels(BaseDoc):
    image: NdArray[Literal['h'], Literal['w'], 3, np.uint8] | None = None  # type: ignore[valid-type]


def test_json_numbers_take_the_element_type_of_the_field() -> None:
    read = DocList[Pixels].from_json(b'[{"image": [[[1, 2, 255]]]}]')
    assert read[0].image.dtype == np.uint8
    with pytest.raises(DocumentError, match=r'out of its range - at `\$\[0\]\.image`'):
        DocList[Pixels].from_json(b'[{"image": [[[1, 2, 256]]]}]')
    with pytest.raises(DocumentError, match=r'Expected uint8 array, got dtype float64'):
        DocList[Pixels].from_json(b'[{"image": [[[1.5, 2, 3]]]}]')


@pytest.mark.parametrize(
    ('name', 'code'),
    [('bool', '|b1'), ('uint8', '|u1'), ('|u1', '|u1'), ('float32', '<f4'), ('complex128', '<c16')],
)
def test_element_types_by_name(name: str, code: str) -> None:
    assert wire_dtype(dtype_of(name)) == code


def test_arrays_in_base64_may_name_their_element_type() -> None:
    written = {'dtype': 'uint8', 'shape': [2], 'data': 'AQI='}
    assert Document.from_dict({'tensor': written}).tensor.tolist() == [1, 2]
    with pytest.raises(
        DocumentError, match=r"unknown dtype 'u8' \(known: bool, .*float32.*'\|u1'\) - at `\$\.te"
    ):
        Document.from_dict({'tensor': {**written, 'dtype': 'u8'}})
