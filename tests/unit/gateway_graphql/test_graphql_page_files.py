"""The page for browsers: what is served, how, and that released files are as they were released."""

from __future__ import annotations

import hashlib
import html
import re

import pytest
from graphql_shop import ENDPOINTS

from headrace.gateway.graphql.page import FILES
from headrace.gateway.http.page_files import TYPES

HTML = {'accept': 'text/html,application/xhtml+xml,*/*;q=0.8'}


async def test_a_browser_gets_the_page(open_gateway) -> None:
    gateway = await open_gateway(title='<b>')
    told = await gateway.http.get('/graphql', headers=HTML)
    assert told.status_code == 200
    assert '<title>&lt;b&gt; - GraphiQL</title>' in told.text
    policy = told.headers['content-security-policy']
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    named = set(re.findall(r'(?:src|href)="graphql/([^"]+)"', told.text))
    assert named == set(FILES.names)
    for name in FILES.names:
        part = await gateway.http.get(f'/graphql/{name}')
        kind = TYPES[f'.{name.rpartition(".")[2]}']
        assert (part.status_code, part.headers['content-type']) == (200, kind.decode())
        assert part.headers.get_list('x-content-type-options') == ['nosniff']
        assert part.content == (FILES.folder / name).read_bytes()


async def test_it_begins_with_a_query_that_the_flow_answers(gateway) -> None:
    told = await gateway.http.get('/graphql', headers=HTML)
    (query,) = re.findall(r'data-example="([^"]+)"', told.text)
    data = await gateway.client.data(html.unescape(query))
    (answer,) = data.values()
    assert answer['data']
    assert '{{' not in told.text


async def test_nothing_that_may_write_is_called_by_pressing_a_key(open_gateway) -> None:
    gateway = await open_gateway(graphql={'mutations': [each.name for each in ENDPOINTS]})
    told = await gateway.http.get('/graphql', headers=HTML)
    (query,) = re.findall(r'data-example="([^"]+)"', told.text)
    lines = html.unescape(query).splitlines()
    written = [line.removeprefix('# ') for line in lines if line.startswith('#')]
    assert written[0] == 'mutation {'
    plain = '\n'.join(line for line in lines if not line.startswith('#'))
    assert '__schema' in await gateway.client.data(plain)
    await gateway.client.data('\n'.join(written))


async def test_it_loads_nothing_from_elsewhere(gateway) -> None:
    told = await gateway.http.get('/graphql', headers=HTML)
    assert re.findall(r'(?:src|href)="(?:https?:)?//', told.text) == []


async def test_no_page(open_gateway) -> None:
    gateway = await open_gateway(graphql={'page': False})
    assert (await gateway.http.get('/graphql', headers=HTML)).status_code == 404
    assert (await gateway.http.get('/graphql/page.js')).status_code == 404
    assert (await gateway.client.post('{ __typename }')).status_code == 200


async def test_a_query_by_a_browser_is_a_query(gateway) -> None:
    told = await gateway.http.get('/graphql', params={'query': '{ __typename }'}, headers=HTML)
    assert told.json() == {'data': {'__typename': 'Query'}}


RELEASED = re.findall(
    r'^\| `([0-9a-f]{64})` \| `([^`]+)` \|$', (FILES.folder / 'NOTICE.md').read_text(), re.MULTILINE
)


@pytest.mark.parametrize(('digest', 'name'), RELEASED)
def test_released_files_are_unchanged(digest, name) -> None:
    assert hashlib.sha256((FILES.folder / name).read_bytes()).hexdigest() == digest


def test_every_released_file_is_noted() -> None:
    assert {name for _, name in RELEASED} == {path.name for path in FILES.folder.glob('*.min.*')}
    for name in ('LICENSE-graphiql', 'LICENSE-react', 'LICENSE-fonts'):
        assert (FILES.folder / name).read_text().strip()
