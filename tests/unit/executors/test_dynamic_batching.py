"""`@dynamic_batching` and its YAML: read, checked, laid over each other, and served."""

from __future__ import annotations

import asyncio
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

from headrace import BaseDoc, DocList, Document, DocumentArray, Executor, dynamic_batching, requests
from headrace.errors import ExecutorError, ExecutorFailure, SpecError
from headrace.executors import close, describe, load, serve
from headrace.executors.yamltext import read_text
from headrace.pipeline import Batch, Context
from headrace.spec.batching import BatchingSpec, SettledBatching


class Item(BaseDoc):
    title: str


class Encoder(Executor):
    """Notes its batches; waits at '/held' until it is let go."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.started, self.gate = threading.Event(), threading.Event()

    @requests(on=['/a', '/b'])
    @dynamic_batching(preferred_batch_size=8, timeout=5)
    async def encode(self, docs: DocList[Item], parameters: dict[str, Any], **kwargs: Any) -> None:
        self.sizes.append(len(docs))
        for doc in docs:
            doc.title += parameters.get('sign', '!')

    @requests(on='/plain')
    def plain(self, docs: DocList[Item], **kwargs: Any) -> None:
        self.sizes.append(len(docs))

    @dynamic_batching
    @requests(on='/held')
    def hold(self, docs: DocList[Item]) -> None:
        self.started.set()
        assert self.gate.wait(30)
        self.sizes.append(len(docs))

    @requests(on='/pixels')
    @dynamic_batching(preferred_batch_size=10, custom_metric=lambda doc: len(doc.title))
    async def weigh(self, docs: DocList[Item]) -> None:
        self.sizes.append(len(docs))


def batching_of(executor: Any) -> dict[str, SettledBatching | None]:
    return {endpoint.name: endpoint.batching for endpoint in describe(executor).endpoints}


async def ask(handler: Any, endpoint: str, *titles: str, **parameters: Any) -> list[str]:
    batch = Batch(DocList[Item]([Item(title) for title in titles]), parameters)
    found: list[str] = (await handler(batch, Context(endpoint))).docs.title
    return found


async def both(executor: Any, endpoint: str, **others: Any) -> list[list[str]]:
    handler = serve(executor)
    return await asyncio.gather(
        ask(handler, endpoint, 'x', 'y', **others), ask(handler, endpoint, 'z', 'long title')
    )


async def test_requests_share_a_batch_on_the_loop_and_on_a_thread() -> None:
    executor = Encoder()
    assert await both(executor, '/a') == [['x!', 'y!'], ['z!', 'long title!']]
    executor.gate.set()
    assert await both(executor, '/held') == [['x', 'y'], ['z', 'long title']]
    assert await both(executor, '/plain') == [['x', 'y'], ['z', 'long title']]
    assert await both(executor, '/pixels') == [['x', 'y'], ['z', 'long title']]
    assert executor.sizes == [4, 4, 2, 2, 3, 1]
    await close(executor)


async def test_parameters_divide_as_the_executor_sees_them() -> None:
    executor = load(Encoder, runtime_args={'name': 'encoder'})
    handler = serve(executor)
    found = await asyncio.gather(
        ask(handler, '/a', 'x', sign='?'),
        ask(handler, '/a', 'y', encoder={'sign': '?'}),
        ask(handler, '/a', 'z', encoder__sign='?', __results__={'before': {}}),
        ask(handler, '/a', 'v', sign=';'),
    )
    assert found == [['x?'], ['y?'], ['z?'], ['v;']]
    assert executor.sizes == [3, 1]  # type: ignore[attr-defined]


async def test_the_abandoned_do_not_run_after_the_cancel() -> None:
    executor = Encoder()
    handler = serve(executor)
    first = asyncio.ensure_future(ask(handler, '/held', 'first'))
    await asyncio.to_thread(executor.started.wait, 30)
    contexts = [Context('/held') for _ in range(20)]
    tasks = [
        asyncio.ensure_future(handler(Batch(DocList[Item]([Item(f'{n}')])), context))
        for n, context in enumerate(contexts)
    ]
    await asyncio.sleep(0)
    for context in contexts[:15]:
        context.cancel()
    executor.gate.set()
    await asyncio.gather(first, *tasks, return_exceptions=True)
    assert executor.sizes == [1, 5]
    await close(executor)


def test_settings_are_laid_over_each_other() -> None:
    decorated = BatchingSpec(preferred_batch_size=8, max_wait_ms=5).settled()
    assert batching_of(Encoder())['/a'] == batching_of(Encoder())['/b'] == decorated
    assert batching_of(Encoder())['/held'] == SettledBatching()
    assert batching_of(Encoder())['/plain'] is None
    given = {'encode': {'preferred_batch_size': 16}, '/b': {'timeout': 7}, 'plain': {'flush_all': True}}
    found = batching_of(load(Encoder, uses_dynamic_batching=given))
    assert found['/a'] == SettledBatching(preferred_batch_size=16, max_wait_ms=5)
    assert found['/b'] == SettledBatching(preferred_batch_size=16, max_wait_ms=7)
    assert found['/plain'] == SettledBatching(flush_all=True)
    assert found['/held'] == SettledBatching()


def test_it_can_be_turned_off() -> None:
    executor = load(Encoder, uses_dynamic_batching={'/a': {'use_dynamic_batching': False}})
    assert batching_of(executor)['/a'] is None
    assert batching_of(executor)['/b'] is not None


async def test_a_custom_metric_can_be_turned_off() -> None:
    executor = load(Encoder, uses_dynamic_batching={'/pixels': {'use_custom_metric': False}})
    await both(executor, '/pixels')
    assert executor.sizes == [4]  # type: ignore[attr-defined]


def test_yaml_is_read_and_written() -> None:
    text = 'jtype: Encoder\ndynamic_batching:\n  /a: {preferred_batch_size: 4, timeout: 20}\n  plain:\n'
    config = read_text(text)
    assert config.batching == {
        '/a': BatchingSpec(preferred_batch_size=4, max_wait_ms=20),
        'plain': BatchingSpec(),
    }
    given = {'/a': {'preferred_batch_size': 4}}
    saved = load(Encoder, uses_dynamic_batching=given).save_config()
    assert read_text(saved).batching == {'/a': BatchingSpec(preferred_batch_size=4)}


FILE = """
from headrace import DocumentArray, Executor, requests

class Filed(Executor):
    @requests(on='/a')
    def handle(self, docs: DocumentArray): ...
"""


@pytest.mark.usefixtures('own_modules')
def test_what_a_caller_says_is_laid_over_a_file(tmp_path: Path) -> None:
    (tmp_path / 'filed.py').write_text(FILE)
    (tmp_path / 'config.yml').write_text(
        'jtype: Filed\npy_modules: filed.py\nuses_dynamic_batching: {/a: {preferred_batch_size: 4}}'
    )
    executor = load(str(tmp_path), uses_dynamic_batching={'/a': {'max_wait_ms': 1}})
    assert batching_of(executor) == {'/a': SettledBatching(preferred_batch_size=4, max_wait_ms=1)}


def test_a_subclass_keeps_it_with_the_endpoint() -> None:
    class Other(Encoder):
        async def encode(self, docs: DocList[Item], **kwargs: Any) -> None: ...

        @dynamic_batching(preferred_batch_size=2)
        def hold(self, docs: DocList[Item]) -> None: ...

    assert batching_of(Other())['/a'] == SettledBatching(preferred_batch_size=8, max_wait_ms=5)
    assert batching_of(Other())['/held'] == SettledBatching(preferred_batch_size=2)


@pytest.mark.parametrize(
    ('given', 'problem', 'remedy'),
    [
        ({'/c': {}}, "Encoder has no endpoint or method '/c'", 'endpoints and methods: /a, /b'),
        ({'encod': {}}, "no endpoint or method 'encod'", "did you mean 'encode'"),
        ({'/a': {'prefered_batch_size': 1}}, "unknown key 'prefered_batch_size'", "'preferred_batch_size'"),
        ({'/a': {'preferred_batch_size': 0}}, 'expected a whole number of at least 1', ''),
        ({'/a': {'timeout': 1, 'max_wait_ms': 2}}, 'is given twice', 'write it once'),
        ({'/a': 3}, 'expected a mapping', ''),
        ({'/a': {'use_custom_metric': True}}, 'has no custom_metric', 'custom_metric=...'),
    ],
)
def test_wrong_settings(given: Any, problem: str, remedy: str) -> None:
    with pytest.raises((SpecError, ExecutorError)) as caught:
        load(Encoder, uses_dynamic_batching=given)
    assert problem in caught.value.message
    assert remedy in caught.value.help


def test_a_slip_in_the_decorator() -> None:
    with pytest.raises(SpecError, match=r"@dynamic_batching\(\).*unknown key 'flush'[\s\S]*flush_all"):
        dynamic_batching(flush=True)  # type: ignore[call-overload]
    with pytest.raises(ExecutorError, match='is no function'):
        dynamic_batching(custom_metric=3)  # type: ignore[call-overload]
    with pytest.raises(ExecutorError, match='has no custom_metric'):
        dynamic_batching(use_custom_metric=True)
    with pytest.raises(ExecutorError, match='decorates methods'):
        dynamic_batching()(3)  # type: ignore[type-var]


def test_what_cannot_be_batched() -> None:
    with pytest.raises(ExecutorError, match=r'Single\.one .*takes no docs'):

        class Single(Executor):
            @requests
            @dynamic_batching
            def one(self, doc: Item) -> None: ...

    with pytest.raises(ExecutorError, match='inputs of a join'):

        class Joiner(Executor):
            @requests
            @dynamic_batching
            def join(self, docs: DocList[Item], docs_map: Any) -> None: ...


class Measured(Executor):
    @requests
    @dynamic_batching(custom_metric=lambda doc: {'one': 1, 'less': -1}[doc.text])
    async def measure(self, docs: DocumentArray, **kwargs: Any) -> None: ...


async def test_a_custom_metric_that_fails_says_whose_it_is() -> None:
    handler = serve(load(Measured, runtime_args={'name': 'measured'}))
    reply = await handler(Batch(DocumentArray([Document('one'), Document('two')])), Context())
    assert reply.docs.text == ['one']
    (error,) = reply.parameters['__errors__'].values()
    assert error['message'].startswith("executor 'measured', endpoint '/default': KeyError: 'two'")
    with pytest.raises(ExecutorFailure, match='custom_metric gave -1'):
        await handler(Batch(DocumentArray([Document('less')])), Context())


def size_of(doc: Any) -> int:
    return len(doc.text)


class Costly(Executor):
    """Counts its batches by the length of their texts."""

    def __init__(self, each: int = 1) -> None:
        self.each = each
        self.costs: list[int] = []

    def cost(self, doc: Any) -> int:
        return len(doc.text) * self.each

    @requests(on='/decorated')
    @dynamic_batching(preferred_batch_size=10, custom_metric='cost')
    async def decorated(self, docs: DocumentArray) -> None:
        self.costs.append(sum(map(len, docs.text)))

    @requests(on='/written')
    async def written(self, docs: DocumentArray) -> None:
        self.costs.append(sum(map(len, docs.text)))


@pytest.mark.parametrize('metric', ['cost', f'{__name__}:size_of'])
async def test_a_metric_by_its_name(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType(__name__)
    module.size_of = size_of  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, __name__, module)
    settings = {'/written': {'preferred_batch_size': 20, 'custom_metric': metric}}
    executor: Any = load(Costly, uses_dynamic_batching=settings)
    handler = serve(executor)
    texts = ['x' * 6, 'x' * 4, 'x' * 9, 'x' * 8]

    async def sent(endpoint: str) -> list[int]:
        executor.costs.clear()
        asked = (handler(Batch(DocumentArray([Document(text)])), Context(endpoint)) for text in texts)
        await asyncio.gather(*asked)
        return list(executor.costs)

    assert await sent('/decorated') == [10, 9, 8]
    assert await sent('/written') == [19, 8]


def test_a_metric_of_yaml_is_a_method_of_this_executor() -> None:
    text = 'jtype: Costly\nwith: {each: 5}\ndynamic_batching: {/written: {custom_metric: cost}}'
    executor = load(text, py_modules=())
    (described,) = [each for each in describe(executor).endpoints if each.name == '/written']
    assert described.batching is not None
    assert described.batching.custom_metric == 'cost'


@pytest.mark.parametrize(
    ('name', 'problem', 'remedy'),
    [
        ('cots', "Costly has no function 'cots'", "did you mean 'cost'"),
        ('math:sqr', "module math has no function 'sqr'", "did you mean 'sqrt'"),
        ('nowhere_at_all:f', "no module 'nowhere_at_all'", ''),
    ],
)
def test_a_metric_that_is_not_there(name: str, problem: str, remedy: str) -> None:
    with pytest.raises(ExecutorError) as caught:
        load(Costly, uses_dynamic_batching={'/written': {'custom_metric': name}})
    assert problem in caught.value.message
    assert remedy in caught.value.help
