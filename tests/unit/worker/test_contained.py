"""What a worker in a container is told by a supervisor of another version, and knows by itself."""

from __future__ import annotations

import msgspec
import pytest

from headrace.errors import StartError
from headrace.spec import ExecutorSpec
from headrace.spec.environment import Environment
from headrace.worker.contained import at_home
from headrace.worker.orders import WorkerOrder, sparse

ORDER = WorkerOrder(
    name='a/rep-0',
    address='unix:/run/headrace/worker.sock',
    spec=ExecutorSpec(name='a', uses='', uses_with={'x': [1, {'y': None}]}, replicas=2),
    workspace='/data',
    base='',
    sys_path=(),
    pid=17,
)


def test_what_is_as_always_is_not_told() -> None:
    told = sparse(ORDER)
    assert 'observe' not in told
    assert told['spec'] == {'name': 'a', 'uses': '', 'uses_with': {'x': [1, {'y': None}]}, 'replicas': 2}
    assert msgspec.convert(msgspec.msgpack.decode(msgspec.msgpack.encode(told)), WorkerOrder) == ORDER


def test_the_image_says_where_its_code_is() -> None:
    order = at_home(ORDER, Environment(uses='/app', base='/app'))
    assert (order.spec.uses, order.base) == ('/app', '/app')


def test_an_image_that_does_not() -> None:
    with pytest.raises(StartError, match=r"executor 'a': its image does not say"):
        at_home(ORDER, Environment())
