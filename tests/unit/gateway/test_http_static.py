"""Static files: what a folder shows, and what it never shows."""

import pytest

from headrace.errors import SpecError
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.request import Request
from headrace.gateway.http.static import StaticFiles


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / 'page'
    (root / 'pictures').mkdir(parents=True)
    (root / 'deep' / 'er').mkdir(parents=True)
    (root / 'index.html').write_text('<h1>hello</h1>')
    (root / 'pictures' / 'größe 1.png').write_bytes(b'\x89PNG')
    (root / 'deep' / 'index.html').write_text('deep')
    (root / 'app.js').write_text('1')
    (root / 'big.bin').write_bytes(bytes(range(256)) * 4096)
    (root / 'empty.txt').write_text('')
    (root / '.env').write_text('SECRET=1')
    (tmp_path / 'secret.txt').write_text('secret')
    (root / 'out.txt').symlink_to(tmp_path / 'secret.txt')
    (root / 'in.txt').symlink_to(root / 'app.js')
    return root


async def get(static, path, method='GET', **headers):
    async def receive():
        raise AssertionError('no body is read')

    names = {name.replace('_', '-').encode(): value for name, value in headers.items()}
    scope = {'method': method, 'path': path, 'query_string': b'', 'headers': list(names.items())}
    response = await static.serve(Request(scope, receive))
    if not isinstance(response.body, bytes):
        response.body = b''.join([chunk async for chunk in response.body])
        assert len(response.body) == response.size
    return response


@pytest.mark.parametrize(
    ('path', 'body', 'kind'),
    [
        ('/', b'<h1>hello</h1>', b'text/html; charset=utf-8'),
        ('/index.html', b'<h1>hello</h1>', b'text/html; charset=utf-8'),
        ('/app.js', b'1', b'text/javascript; charset=utf-8'),
        ('/pictures/größe 1.png', b'\x89PNG', b'image/png'),
        ('/deep/', b'deep', b'text/html; charset=utf-8'),
        ('/big.bin', bytes(range(256)) * 4096, b'application/octet-stream'),
        ('/empty.txt', b'', b'text/plain; charset=utf-8'),
        ('/in.txt', b'1', b'text/plain; charset=utf-8'),
    ],
)
async def test_a_file_is_served_with_its_type(folder, path, body, kind):
    response = await get(StaticFiles({'/': str(folder)}), path)
    assert (response.status, response.body, response.content_type) == (200, body, kind)


@pytest.mark.parametrize(
    'path',
    [
        '/../secret.txt',
        '/pictures/../../secret.txt',
        '/..',
        '/./app.js',
        '/.env',
        '/pictures/..\\..\\secret.txt',
        '/app.js\0.html',
        '/out.txt',
        '/nothing.txt',
        '/pictures/',
        '/app.js/x',
        '/' + 'x' * 5000,
        '//etc/passwd',
    ],
)
async def test_nothing_else_is_ever_served(folder, path):
    with pytest.raises(HttpError) as caught:
        await get(StaticFiles({'/': str(folder)}), path)
    assert caught.value.http_status == 404


async def test_a_folder_is_asked_for_with_a_slash(folder):
    response = await get(StaticFiles({'/shop': str(folder)}), '/shop')
    assert response.status == 307
    assert dict(response.headers)[b'location'] == b'./shop/'
    assert (await get(StaticFiles({'/shop/': str(folder)}), '/shop/')).body == b'<h1>hello</h1>'


async def test_the_longest_path_wins(folder):
    static = StaticFiles({'/': str(folder), '/p': str(folder / 'deep')})
    assert (await get(static, '/p/')).body == b'deep'
    assert (await get(static, '/app.js')).body == b'1'


def test_only_its_own_paths_are_covered(folder):
    static = StaticFiles({'/shop': str(folder)})
    assert static.covers('/shop')
    assert static.covers('/shop/x')
    assert not static.covers('/shopping')
    assert not static.covers('/')


async def test_a_file_that_the_browser_has_is_not_sent_again(folder):
    static = StaticFiles({'/': str(folder)})
    tag = dict((await get(static, '/app.js')).headers)[b'etag']
    again = await get(static, '/app.js', if_none_match=b'"x", ' + tag)
    assert (again.status, again.body) == (304, b'')
    (folder / 'app.js').write_text('22')
    assert (await get(static, '/app.js', if_none_match=tag)).body == b'22'


async def test_head_tells_the_size_and_sends_nothing(folder):
    response = await get(StaticFiles({'/': str(folder)}), '/big.bin', method='HEAD')
    assert (response.status, response.body, response.size) == (200, b'', 1 << 20)


def test_a_folder_that_does_not_exist_is_an_error_at_once(tmp_path):
    with pytest.raises(SpecError, match=r"gateway.static\['/'\]"):
        StaticFiles({'/': str(tmp_path / 'nowhere')})
