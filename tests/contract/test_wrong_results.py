"""What an executor gives that does not fit its type is that executor's fault, over every protocol."""

import pytest

from headrace import Document, Executor, Flow, requests
from headrace.errors import BadServer, ExecutorFailure


class Careless(Executor):
    @requests(on='/wrong')
    def wrong(self, docs, parameters, **kwargs):
        docs[0].text = {'zero': 0, 'five': 5, 'bytes': b'x'}[parameters['what']]


@pytest.mark.parametrize('what', ['zero', 'five', 'bytes'])
@pytest.mark.parametrize('protocol', ['grpc', 'http', 'in-process'])
def test_what_a_handler_gives_is_its_executors_fault(what, protocol):
    place = {'place': 'in-process'} if protocol == 'in-process' else {'protocol': protocol}
    with Flow(**place).add(uses=Careless, name='careless') as flow:
        with pytest.raises((BadServer, ExecutorFailure)) as caught:
            flow.post('/wrong', Document('a'), parameters={'what': what})
        error = caught.value
        assert getattr(error, 'error', type(error).__name__) == 'ExecutorFailure'
        for part in ("executor 'careless'", "endpoint '/wrong'", 'Expected `str`', "field 'text'"):
            assert part in error.message
