"""What a server opens because a document names it: the public web, what was allowed, and nothing else."""

import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hostile_addresses import FILES, ODD, PRIVATE

from headrace import Document
from headrace.documents.media import access, guarded, uri
from headrace.documents.media.access import Access
from headrace.documents.media.network import is_public, resolved
from headrace.errors import DocumentError, Forbidden, RequestError, SpecError, TooLarge

PUBLIC = '93.184.216.34'


def never(host, port):
    """A resolver that may only be asked for names, and knows one."""
    if host == 'example.org':
        return [(socket.AF_INET, (PUBLIC, port))]
    return resolved(host, port)  # numbers and localhost: no question leaves this machine


@pytest.fixture
def restricted(monkeypatch):
    monkeypatch.setattr(access._Process, 'access', Access((), resolver=never))


def test_the_list_is_long():
    assert len({*FILES, *PRIVATE, *ODD}) >= 60


@pytest.mark.parametrize('hostile', FILES)
def test_files_of_the_server(hostile, restricted):
    with pytest.raises(Forbidden) as caught:
        uri.read(hostile)
    assert 'root:' not in str(caught.value)


@pytest.mark.parametrize('hostile', PRIVATE)
def test_addresses_of_the_servers_network(hostile, restricted):
    with pytest.raises((Forbidden, RequestError)) as caught:
        uri.read(hostile, timeout_s=2)
    assert caught.value.http_status in (400, 403)


@pytest.mark.parametrize('hostile', ODD)
def test_what_can_be_read_in_two_ways(hostile, restricted):
    with pytest.raises((Forbidden, RequestError, DocumentError)):
        uri.read(hostile, timeout_s=2)


@pytest.mark.parametrize(
    'address', [PUBLIC, '8.8.8.8', '2606:4700::1111', '64:ff9b::808:808', '::ffff:8.8.8.8', '1.1.1.1']
)
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize(
    'load', ['load_uri_to_blob', 'load_uri_to_text', 'load_uri_to_image_tensor', 'convert_uri_to_datauri']
)
def test_every_way_to_load_is_guarded(load, restricted):
    with pytest.raises(Forbidden):
        getattr(Document(uri='file:///etc/passwd'), load)()


@pytest.mark.parametrize(
    'load', ['load_uri_to_audio_tensor', 'load_uri_to_video_tensor', 'load_uri_to_vertices_and_faces']
)
def test_every_medium_is_guarded(load, restricted):
    with pytest.raises(Forbidden):
        getattr(Document(uri='/etc/passwd.obj'), load)()


def test_content_that_travels_with_the_document_is_read(restricted):
    assert Document(uri='data:text/plain,hi').load_uri_to_text().text == 'hi'
    with pytest.raises(TooLarge):
        uri.read('data:text/plain,' + 'x' * 100, max_bytes=99)


def test_a_path_is_the_programs_own(restricted, tmp_path):
    (tmp_path / 'logo').write_bytes(b'logo')
    assert uri.read(tmp_path / 'logo') == b'logo'


def test_everything_may_be_opened_in_ones_own_process(tmp_path):
    (tmp_path / 'a.txt').write_text('hi')
    assert Document(uri=str(tmp_path / 'a.txt')).load_uri_to_text().text == 'hi'
    assert Access(('*',)).is_free


class Folder:
    """A folder that is allowed, beside one that is not."""

    def __init__(self, base: Path) -> None:
        self.allowed, self.other = base / 'pictures', base / 'pictures-of-others'
        for folder in (self.allowed, self.other):
            folder.mkdir()
            (folder / 'a').write_bytes(b'content')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    made = Folder(tmp_path)
    monkeypatch.setattr(access._Process, 'access', Access([f'file://{made.allowed}/']))
    return made


def test_an_allowed_folder(folder):
    assert uri.read(f'{folder.allowed}/a') == uri.read(f'file://{folder.allowed}/a') == b'content'
    with pytest.raises(FileNotFoundError):
        uri.read(f'{folder.allowed}/b')


def test_ways_out_of_an_allowed_folder(folder):
    os.symlink(folder.other / 'a', folder.allowed / 'link')
    os.symlink(folder.other, folder.allowed / 'folder')
    os.mkfifo(folder.allowed / 'pipe')
    outside = [
        f'{folder.other}/a',
        f'{folder.allowed}/../pictures-of-others/a',
        f'file://{folder.allowed}/%2e%2e/pictures-of-others/a',
        f'{folder.allowed}/link',
        f'{folder.allowed}/folder/a',
        f'{folder.allowed}/pipe',
        f'{folder.allowed}\x00/a',
    ]
    for hostile in outside:
        with pytest.raises((Forbidden, RequestError)):
            uri.read(hostile)


class Site:
    """A server on this machine; `pages` says what it answers: bytes, or where it sends its visitors."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | str] = {}
        self.seen: list[tuple[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.seen.append((self.headers['Host'], self.path))
                page = site.pages.get(self.path.partition('?')[0])
                self.send_response(404 if page is None else 302 if isinstance(page, str) else 200)
                if isinstance(page, str):
                    self.send_header('Location', page)
                body = page if isinstance(page, bytes) else b''
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def site():
    made = Site()
    yield made
    made.close()


class Names:
    """A resolver: what each name means, one answer after the other."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {name.replace('_', '.'): list(found) for name, found in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host, port):
        self.asked.append(host)
        found = self.answers[host]
        return [(socket.AF_INET, (found.pop(0) if len(found) > 1 else found[0], port))]


def read(address, allowed, names, **reading):
    options = {'timeout_s': 5, 'max_bytes': 1000, 'schemes': uri.ALL_SCHEMES, **reading}
    return guarded.fetch(address, Access(allowed, resolver=names), **options)


def test_an_allowed_server_is_reached_by_its_name(site):
    site.pages['/pictures/a.png'] = b'picture'
    names, base = Names(shop_example=['127.0.0.1']), f'http://shop.example:{site.port}'
    assert read(f'{base}/pictures/a.png?size=1#top', [f'{base}/pictures/'], names) == b'picture'
    assert site.seen == [(f'shop.example:{site.port}', '/pictures/a.png?size=1')]
    for hostile in (
        '/other',
        '/picturesque',
        '/pictures/../other',
        '/pictures/%2e%2e/other',
        '/pictures/..%2f',
    ):
        with pytest.raises(Forbidden):
            read(base + hostile, [f'{base}/pictures/'], names)
    with pytest.raises(Forbidden):
        read(base.replace('http', 'https') + '/pictures/a.png', [f'{base}/pictures/'], names)
    assert len(site.seen) == 1


def test_a_name_is_resolved_once_and_what_was_looked_at_is_connected_to(site):
    """The name means a public address when it is looked at; had it been asked again, it would mean ours."""
    names = Names(rebind_example=['127.0.0.1', PUBLIC])
    base = f'http://rebind.example:{site.port}/'
    site.pages['/'] = b'ours'
    assert read(base, [base], names) == b'ours'
    assert names.asked == ['rebind.example']


def test_a_name_with_one_private_address_among_others_is_refused():
    def mixed(host, port):
        return [(socket.AF_INET, (PUBLIC, port)), (socket.AF_INET, ('10.0.0.7', port))]

    with pytest.raises(Forbidden) as caught:
        read('http://mixed.example/', [], mixed)
    assert '10.0.0.7' not in str(caught.value)


@pytest.mark.parametrize(
    'target',
    [
        'http://127.0.0.1/',
        'http://169.254.169.254/latest/meta-data/',
        'http://10.0.0.7:8080/',
        'https://[::1]/',
        'file:///etc/passwd',
        'ftp://shop.example/',
        'data:text/plain,hi',
        'gopher://127.0.0.1/',
        'http://user:word@shop.example/',
        '//127.0.0.1/',
    ],
)
def test_a_redirect_is_looked_at_as_the_first_address_was(site, target):
    base = f'http://shop.example:{site.port}/'
    site.pages['/'] = target
    with pytest.raises(Forbidden):
        read(base, [base], lambda host, port: never('127.0.0.1' if host == 'shop.example' else host, port))
    assert len(site.seen) == 1


def test_redirects_are_followed_and_end(site):
    base = f'http://shop.example:{site.port}/'
    names = Names(shop_example=['127.0.0.1'])
    site.pages |= {'/a': 'b', '/b': '/c', '/c': b'there'}
    assert read(f'{base}a', [base], names) == b'there'
    site.pages['/round'] = '/round'
    with pytest.raises(DocumentError, match='more than 5 times'):
        read(f'{base}round', [base], names)


def test_what_is_too_large_or_not_there(site):
    base = f'http://shop.example:{site.port}/'
    names = Names(shop_example=['127.0.0.1'])
    site.pages['/large'] = b'x' * 1001
    with pytest.raises(TooLarge):
        read(f'{base}large', [base], names)
    with pytest.raises(DocumentError, match='HTTP 404'):
        read(f'{base}none', [base], names)


def drip(listening, chunk, stop):
    connection, _ = listening.accept()
    with connection:
        connection.sendall(b'HTTP/1.1 200 OK\r\n')
        while not stop.wait(0.05):
            try:
                connection.sendall(chunk)
            except OSError:
                return


@pytest.mark.parametrize('chunk', [b'x-header: y\r\n', b'y'])
def test_a_server_that_drips_has_an_end(chunk):
    """Each byte comes soon after the one before; the whole has its time all the same."""
    listening, stop = socket.create_server(('127.0.0.1', 0)), threading.Event()
    thread = threading.Thread(target=drip, args=(listening, chunk, stop))
    thread.start()
    base = f'http://slow.example:{listening.getsockname()[1]}/'
    try:
        with pytest.raises(DocumentError):
            read(base, [base], Names(slow_example=['127.0.0.1']), timeout_s=0.5)
    finally:
        stop.set()
        thread.join()
        listening.close()


@pytest.mark.usefixtures('restricted')
def test_proxies_of_the_environment_are_not_asked(site, monkeypatch):
    monkeypatch.setenv('http_proxy', f'http://127.0.0.1:{site.port}')
    monkeypatch.setenv('HTTP_PROXY', f'http://127.0.0.1:{site.port}')
    with pytest.raises(Forbidden):
        uri.read('http://10.0.0.7/')
    assert not site.seen


@pytest.mark.parametrize(
    'wrong', ['ftp://example.org/', 'http://', 'http://user@example.org/', 'file://host/x']
)
def test_what_cannot_be_allowed(wrong):
    with pytest.raises((SpecError, DocumentError), match='allow'):
        Access([wrong])
