"""torch: tensors go in and come out of documents without a copy, bfloat16 among them."""

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document, TorchTensor
from headrace.documents.arrays import as_array, as_torch

torch = pytest.importorskip('torch')


class Item(BaseDoc):
    vector: TorchTensor[3] | None = None


@pytest.mark.parametrize(
    'dtype', ['float32', 'float64', 'float16', 'int64', 'uint8', 'bool', 'complex64', 'bfloat16']
)
def test_no_copy_either_way(dtype):
    if dtype == 'bfloat16':
        pytest.importorskip('ml_dtypes')
    tensor = torch.zeros((2, 3), dtype=getattr(torch, dtype))
    array = as_array(tensor)
    array[0, 1] = 1
    assert tensor[0, 1] == 1
    back = as_torch(array)
    assert back.dtype == tensor.dtype
    assert back.data_ptr() == tensor.data_ptr()


def test_a_column_is_one_tensor_without_a_copy():
    docs = DocList([Document(), Document()])
    stack = torch.zeros((2, 3))
    docs.embedding = stack
    docs[1].embedding[2] = 7
    assert stack[1, 2] == 7
    assert docs.embeddings.data_ptr() == stack.data_ptr()


def test_the_embeddings_of_a_batch_from_the_wire_are_shared_with_torch():
    sent = bytearray(DocList([Document(embedding=np.ones(4, 'f4'))] * 3).to_bytes())
    docs = DocList[Document].from_bytes(sent)
    tensor = as_torch(docs.embeddings)
    tensor[0, 0] = 5
    assert docs[0].embedding[0] == 5


def test_memory_that_cannot_be_written_is_copied_and_stays():
    docs = DocList[Document].from_bytes(bytes(DocList([Document(embedding=np.ones(4))]).to_bytes()))
    tensor = as_torch(docs.embeddings)
    tensor += 1
    assert docs[0].embedding[0] == 1


@pytest.mark.parametrize('array', [np.arange(3, dtype='>f4'), np.arange(6.0)[::-2], np.array(5.0)])
def test_arrays_that_torch_cannot_use_are_copied(array):
    assert as_torch(array).tolist() == array.tolist()


def test_gradients_and_views_are_left_behind():
    tensor = torch.ones(3, requires_grad=True) * 2
    assert as_array(tensor).tolist() == [2, 2, 2]
    assert as_array(torch.ones(2, dtype=torch.complex64).conj()).tolist() == [1, 1]


def test_typed_fields_travel():
    items = DocList([Item(torch.arange(3.0)), Item()])
    back = DocList[Item].from_bytes(items.to_bytes())
    assert torch.equal(back[0].vector, torch.arange(3.0))
    assert back[1].vector is None


def test_finding_with_tensors():
    docs = DocList(
        [Document('a', embedding=torch.tensor([1.0, 0])), Document('b', embedding=torch.tensor([0, 1.0]))]
    )
    assert docs.find(torch.tensor([0.1, 1.0]), limit=1).texts == ['b']
    assert [found.texts for found in docs.find(torch.eye(2), limit=1)] == [['a'], ['b']]
