"""A gateway that runs alone, and versions that are away, come late, or do not fit: `main` goes on."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from urllib.error import HTTPError

import pytest
from standalone import Part, Parts, parts_of
from waiting import wait_until

CODE = """
from headrace import DocumentArray, Executor, requests

class Named(Executor):
    def __init__(self, word='main', **kwargs):
        super().__init__(**kwargs)
        self.word = word

class Word(Named):
    @requests(on='/say')
    def say(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text = self.word

class Other(Named):
    @requests(on='/other')
    def other(self, docs: DocumentArray, **kwargs):
        pass

class More(Word):
    @requests(on='/more')
    def more(self, docs: DocumentArray, **kwargs):
        pass
"""

FLOW = """
executors:
  - name: word
    uses: words.py:Word
    versions: {v2: {uses: 'words.py:Word', uses_with: {word: v2}}}
    weights: {main: 1, v2: SHARE}
    version_parameter: version
gateway: {protocol: http}
"""


class Canary:
    """A Flow with a version `v2` that gets so large a share; it is where a file says."""

    def __init__(self, folder: Path, parts: Parts) -> None:
        self.parts = parts
        self.main = parts.worker('word')
        self.main.ready()
        self.places = folder / 'v2'
        self.text = parts.file.read_text()

    def gateway(self) -> Part:
        return self.parts.gateway(f'word={self.main.address}', f'word/v2=file:{self.places}')

    def v2(self, uses: str = 'words.py:Word') -> Part:
        """A new worker of it, in the place of those before."""
        self.parts.file.write_text(self.text.replace("'words.py:Word'", uses))
        worker = self.parts.worker('word/v2')
        self.places.write_text(worker.address)
        return worker


@pytest.fixture
def canary(request, tmp_path):
    (tmp_path / 'words.py').write_text(CODE)
    flow = FLOW.replace('SHARE', str(getattr(request, 'param', 0)))
    with parts_of(tmp_path, flow) as parts:
        yield Canary(tmp_path, parts)


def said(gateway: Part, **parameters: str) -> str:
    return gateway.ask(endpoint='/say', **parameters)['text']


def is_up(gateway: Part) -> dict[str, float]:
    """What the metric says of each version."""
    lines = [each for each in gateway.probe('/metrics')[1].splitlines() if 'version_up{' in each]
    return {line.partition('version="')[2].partition('"')[0]: float(line.split()[-1]) for line in lines}


@pytest.mark.parametrize('canary', [0, 1], indirect=True)
def test_the_doors_open_without_a_version_that_is_not_there_and_it_joins_when_it_comes(canary):
    gateway = canary.gateway()
    assert "begins without 'word/v2'" in gateway.told('begins without')['message']
    assert {said(gateway) for _ in range(4)} == {'main'}
    wait_until(lambda: '(without word/v2: no replica: ' in gateway.probe('/ready')[1])
    assert gateway.probe('/ready')[0] == 200
    status, page = gateway.page('/ready')
    assert (status, [*json.loads(page)['passed_over']]) == (200, ['word/v2'])
    assert gateway.told("executor 'word/v2' has no replica")['message'].endswith(
        'other versions get its requests'
    )
    assert is_up(gateway) == {'main': 1, 'v2': 0}
    with pytest.raises(HTTPError) as caught:  # for who wants it by all means
        said(gateway, version='v2')
    with caught.value as error:
        assert error.code == 503
    canary.v2()
    gateway.told("'word/v2' fits")
    wait_until(lambda: gateway.probe('/ready') == (200, 'ok\n'))
    assert said(gateway, version='v2') == 'v2'
    assert is_up(gateway) == {'main': 1, 'v2': 1}
    assert 'passed_over' not in json.loads(gateway.page('/ready')[1])


@pytest.mark.parametrize('canary', [0, 1], indirect=True)
def test_a_version_that_dies_leaves_the_gateway_ready(canary):
    v2 = canary.v2()
    gateway = canary.gateway()
    assert said(gateway, version='v2') == 'v2'
    v2.signal(signal.SIGKILL)
    v2.ended()

    def is_told():
        assert gateway.probe('/ready')[0] == gateway.page('/ready')[0] == 200
        assert said(gateway) == 'main'
        return any('other versions get its requests' in line.get('message', '') for line in gateway.lines)

    wait_until(is_told)
    assert is_up(gateway) == {'main': 1, 'v2': 0}


@pytest.mark.parametrize('canary', [0, 1], indirect=True)
def test_a_version_that_does_not_fit_is_passed_over_at_the_start_and_later(canary):
    canary.v2('words.py:Other')
    gateway = canary.gateway()
    told = gateway.told('begins without')['message']
    assert "'word/v2' has no endpoint '/say', which 'word' has" in told
    assert {said(gateway) for _ in range(4)} == {'main'}
    wait_until(lambda: "has no endpoint '/say'" in gateway.probe('/ready')[1])
    assert gateway.probe('/ready')[0] == 200
    canary.v2('words.py:More')  # more than main offers is fine
    wait_until(lambda: gateway.probe('/ready') == (200, 'ok\n'))
    assert said(gateway, version='v2') == 'v2'
    canary.v2('words.py:Other')
    wait_until(lambda: 'it does not offer what word/v2 offered' in gateway.probe('/ready')[1])
    assert gateway.probe('/ready')[0] == 200
    assert {said(gateway) for _ in range(4)} == {'main'}


def test_without_main_a_gateway_waits_unless_others_get_requests(tmp_path):
    (tmp_path / 'words.py').write_text(CODE)
    weights = tmp_path / 'weights.yml'
    weights.write_text('word: {main: 1}')
    with parts_of(tmp_path, FLOW.replace('SHARE', '0')) as parts:
        v2 = parts.worker('word/v2')
        gateway = parts.gateway(
            *(f'word=file:{tmp_path}/nobody', f'word/v2={v2.address}'), weights=str(weights)
        )
        gateway.told('no replica of word answers')  # it has waited for as long as it would for a canary
        assert gateway.probe('/ready') == (503, 'waiting for a replica of word\n')
        weights.write_text('word: {v2: 1}')
        assert said(gateway) == 'v2'
        assert gateway.probe('/ready')[0] == 200


NAMED = """
name: {name}
executors: [{{name: word, uses: 'words.py:Word', uses_with: {{word: {name}}}}}]
gateway: {{protocol: http}}
"""


def test_a_worker_of_another_flow_is_not_used(tmp_path):
    for name in ('prod', 'staging'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'words.py').write_text(CODE)
    with (
        parts_of(tmp_path / 'prod', NAMED.format(name='prod')) as prod,
        parts_of(tmp_path / 'staging', NAMED.format(name='staging').replace('name: staging', '')) as nameless,
        parts_of(tmp_path / 'staging', NAMED.format(name='staging')) as staging,
    ):
        stranger, own = staging.worker('word'), prod.worker('word')
        places = tmp_path / 'places'
        places.write_text(stranger.address)
        gateway = prod.gateway(f'word=file:{places}')
        wait_until(lambda: "it is of flow 'staging', and not of 'prod'" in gateway.probe('/ready')[1])
        assert gateway.probe('/ready')[0] == 503
        places.write_text(f'{stranger.address}\n{own.address}')
        assert {said(gateway) for _ in range(6)} == {'prod'}
        nameless.file.write_text(NAMED.format(name='staging').replace('name: staging\n', '', 1))
        anybody = nameless.worker('word')  # a Flow without a name serves whoever calls
        places.write_text(anybody.address)
        wait_until(lambda: said(gateway) == 'staging')


def test_a_part_of_the_gateway_that_fails_ends_it(tmp_path):
    (tmp_path / 'words.py').write_text(CODE)
    (tmp_path / 'sitecustomize.py').write_text(
        'from headrace.gateway.deserted import Deserted\n\n\n'
        'def look(self, passed_s):\n'
        "    raise RuntimeError('a mistake of ours')\n\n\n"
        'Deserted.look = look\n'
    )
    with parts_of(tmp_path, NAMED.format(name='prod')) as parts:
        worker = parts.worker('word')
        gateway = parts.gateway(f'word={worker.address}', env={'PYTHONPATH': str(tmp_path)})
        assert gateway.ended() == 1
        line = gateway.told('a part of it has failed')
        assert 'a mistake of ours' in json.dumps(line)
