from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document, TorchTensor
from headrace.documents.arrays import as_array, as_torch
from headrace.errors import DocumentError

torch = pytest.importorskip('torch', reason='torch is not installed')


class Item(BaseDoc):
    vector: TorchTensor[2]  # type: ignore[valid-type]
    half: TorchTensor[torch.bfloat16] | None = None  # type: ignore[valid-type]
    any_shape: TorchTensor | None = None


def test_tensors_share_memory_both_ways() -> None:
    tensor = torch.arange(4.0)
    array = as_array(tensor)
    array[0] = 9
    assert tensor[0] == 9
    as_torch(array)[1] = 8
    assert tensor[1] == 8
    half = torch.ones(3, dtype=torch.bfloat16)
    assert as_array(half).dtype.name == 'bfloat16'
    assert torch.equal(as_torch(as_array(half)), half)


def test_read_only_and_foreign_arrays_are_copied() -> None:
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    assert as_torch(frozen).tolist() == [0, 1, 2]
    assert as_torch(np.arange(3, dtype='>f4')).tolist() == [0, 1, 2]
    assert as_torch(np.arange(3.0)[::-1]).tolist() == [2, 1, 0]


@pytest.mark.parametrize('through_rows', [False, True])
def test_tensors_go_through_columns_and_json(through_rows: bool) -> None:
    docs = DocList[Item](
        [
            Item(torch.tensor([i, 1.0]), torch.full((2,), i, dtype=torch.bfloat16), torch.ones(i))
            for i in range(3)
        ]
    )
    read = DocList[Item].from_bytes(bytearray(docs.to_bytes()))
    if through_rows:
        list(read)
        read = DocList[Item].from_bytes(bytearray(read.to_bytes()))
    assert isinstance(read.vector, torch.Tensor)
    assert read.vector.tolist() == [[0, 1], [1, 1], [2, 1]]
    assert read[1].half.dtype == torch.bfloat16
    assert [tuple(value.shape) for value in read.any_shape] == [(0,), (1,), (2,)]
    assert read == docs
    assert DocList[Item].from_json(docs.to_json(arrays='base64')) == docs
    read.vector[0, 0] = 7
    assert read[0].vector[0] == 7


def test_tensors_in_documents_stay_tensors_in_the_process_and_are_arrays_elsewhere() -> None:
    docs = DocList([Document(embedding=torch.tensor([i, 2.0], requires_grad=True)) for i in range(2)])
    found: Any = docs.embedding
    assert isinstance(found, torch.Tensor)
    docs.embedding = torch.zeros(2, 3)
    assert isinstance(docs[0].embedding, torch.Tensor)
    assert isinstance(DocList[Document].from_bytes(docs.to_bytes()).embedding, np.ndarray)


def test_naming_the_type_does_not_import_torch() -> None:
    script = "import sys; from headrace import TorchTensor; TorchTensor[3]; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, '-c', script], timeout=60).returncode == 0


def test_shapes_of_tensors_are_checked() -> None:
    with pytest.raises(DocumentError, match=r'Expected array of shape \(2\), got shape \(3,\)'):
        DocList([Item(torch.ones(3))]).to_bytes()
