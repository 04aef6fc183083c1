import pytest

from headrace import BaseDoc, Document
from headrace.documents.schema import schema_of
from headrace.errors import SpecError
from headrace.pipeline.assembly import described
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.replicas import Replicas
from headrace.spec import ExecutorSpec


class Raw(BaseDoc):
    text: str


class Found(BaseDoc):
    score: float


def info(**types):
    """The description of an executor with one endpoint for each argument: (what it takes, what it gives)."""
    endpoints = (
        EndpointInfo(f'/{name}', 'docs', schema_of(taken), schema_of(given))
        for name, (taken, given) in types.items()
    )
    return ExecutorInfo('index', tuple(endpoints))


def test_an_executor_takes_what_comes_before_takes_and_gives_what_comes_after_gives():
    whole = described(
        ExecutorSpec(name='index'),
        info(search=(Document, Document), index=(Document, Document)),
        info(search=(Raw, Document)),
        info(search=(Document, Found)),
    )
    search, index = whole.endpoints
    assert (search.input, search.output) == (schema_of(Raw), schema_of(Found))
    assert (index.input, index.output) == (schema_of(Document), schema_of(Document))


@pytest.mark.parametrize(
    ('before', 'after', 'problem'),
    [
        (
            info(search=(Raw, Found)),
            None,
            "'index' does not accept what 'index/before' gives it at endpoint '/search'",
        ),
        (None, info(search=(Found, Found)), "'index/after' does not accept what 'index' gives it"),
    ],
)
def test_what_comes_before_and_after_has_to_fit(before, after, problem):
    with pytest.raises(SpecError, match=problem):
        described(ExecutorSpec(name='index'), info(search=(Raw, Raw)), before, after)


def test_polling_names_endpoints_that_there_are():
    spec = ExecutorSpec(name='index', polling={'/serch': 'ALL', '*': 'ANY'})
    with pytest.raises(SpecError, match="polling names '/serch'"):
        described(spec, info(search=(Raw, Raw)))
    assert described(spec, ExecutorInfo('index', info(default=(Raw, Raw)).endpoints))


async def test_replicas_are_up_as_long_as_one_takes_calls():
    async def echo(batch, context):
        return batch

    replicas = Replicas('index')
    assert not replicas.is_up
    replicas.add('index/rep-0', echo)
    assert replicas.is_up
    replicas.mark('index/rep-0', 'lost')
    assert not replicas.is_up
