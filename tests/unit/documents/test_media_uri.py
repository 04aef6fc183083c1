"""uri: every kind of source gives its bytes, within its limits, or one clear error."""

import io
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.documents.media import uri
from headrace.errors import DocumentError, TooLarge

BODY = bytes(range(256)) * 64


class Site(BaseHTTPRequestHandler):
    """A web site with one page for each way to answer."""

    def do_GET(self):
        if self.path == '/moved':
            self.send_response(302)
            self.send_header('Location', '/body')
            self.end_headers()
        elif self.path.startswith('/to-file'):
            self.send_response(302)
            self.send_header('Location', 'file:///etc/hostname')
            self.end_headers()
        elif self.path in ('/body', '/short', '/endless'):
            self.send_response(200)
            if self.path != '/endless':
                self.send_header('Content-Length', str(len(BODY)))
            self.end_headers()
            try:
                self.wfile.write(BODY[:100] if self.path == '/short' else BODY)
            except ConnectionError:
                pass  # the reader left: the body was too long
        elif self.path == '/trickle':
            self.send_response(200)
            self.end_headers()
            try:
                while not self.server.over.wait(0.02):
                    self.wfile.write(b'.')
            except ConnectionError:
                pass  # the reader left, as it should
        else:
            self.send_error(404)

    def log_message(self, *args):
        pass


@pytest.fixture(scope='module')
def site():
    server = ThreadingHTTPServer(('127.0.0.1', 0), Site)
    server.over = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
    thread.start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_all_kinds_of_local_sources_give_the_same_bytes(tmp_path: Path):
    path = tmp_path / 'a file ü.bin'
    path.write_bytes(BODY)
    sources = [path, str(path), path.as_uri(), BODY, bytearray(BODY), memoryview(BODY), io.BytesIO(BODY)]
    sources.append(uri.to_datauri(BODY))
    assert [uri.read(source) for source in sources] == [BODY] * len(sources)


def test_http_follows_redirects(site):
    assert uri.read(f'{site}/moved') == BODY


def test_a_redirect_never_leads_to_a_file(site):
    with pytest.raises(DocumentError, match='could not be read'):
        uri.read(f'{site}/to-file')


def test_http_error_is_told_with_its_status_and_address(site):
    with pytest.raises(DocumentError, match=r'nothing.*HTTP 404'):
        uri.read(f'{site}/nothing')


def test_a_body_that_breaks_off_is_an_error(site):
    with pytest.raises(DocumentError, match='broke off after 100 of'):
        uri.read(f'{site}/short')


@pytest.mark.parametrize('page', ['/body', '/endless'])
def test_a_body_beyond_the_limit_is_refused(site, page):
    with pytest.raises(TooLarge, match='max_bytes=1000'):
        uri.read(site + page, max_bytes=1000)


def test_a_server_that_trickles_is_left_at_the_deadline(site):
    began = time.monotonic()
    with pytest.raises(DocumentError, match='did not arrive in time'):
        uri.read(f'{site}/trickle', timeout_s=0.3)
    assert time.monotonic() - began < 3


def test_nobody_there():
    with pytest.raises(DocumentError, match='could not be read'):
        uri.read('http://127.0.0.1:1/', timeout_s=2)


def test_schemes_can_be_restricted(tmp_path):
    (tmp_path / 'secret').write_text('x')
    for source in (tmp_path / 'secret', str(tmp_path / 'secret'), (tmp_path / 'secret').as_uri()):
        with pytest.raises(DocumentError, match=r"'file', which is not read here"):
            uri.read(source, schemes=('https', 'data'))


def test_unknown_scheme():
    with pytest.raises(DocumentError, match="'gopher'"):
        uri.read('gopher://example.org')


def test_a_file_beyond_the_limit_is_refused(tmp_path):
    (tmp_path / 'big').write_bytes(b'x' * 11)
    with pytest.raises(TooLarge, match='max_bytes=10'):
        uri.read(tmp_path / 'big', max_bytes=10)
    with pytest.raises(TooLarge):
        uri.read('/dev/zero', max_bytes=10)
    assert uri.read(tmp_path / 'big', max_bytes=11) == b'x' * 11


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nothing\.png'):
        uri.read(tmp_path / 'nothing.png')


@given(st.binary(max_size=200), st.booleans())
def test_data_uris_go_round(data, in_base64):
    text = uri.to_datauri(data, 'image/png', charset='utf-8', in_base64=in_base64)
    assert uri.parse_datauri(text) == (data, 'image/png')
    assert uri.read(text) == data


@given(st.text(max_size=60))
def test_any_data_uri_is_read_or_refused_clearly(text):
    try:
        uri.read('data:' + text)
    except DocumentError as error:
        assert 'data' in str(error)  # noqa: PT017 - most inputs are no error


def test_data_uri_without_type_is_text():
    assert uri.parse_datauri('data:,a%20b') == (b'a b', 'text/plain')


def test_a_long_data_uri_does_not_fill_the_message():
    with pytest.raises(DocumentError) as error:
        uri.read('data:image/png;base64,' + '?' * 10_000)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ('name', 'mime'),
    [
        ('a/b.jpg', 'image/jpeg'),
        ('https://example.org/a.png?x=1.gif', 'image/png'),
        ('data:Audio/WAV,x', 'audio/wav'),
        ('a/b', ''),
        (b'bytes', ''),
    ],
)
def test_mime_types(name, mime):
    assert uri.mime_of(name) == mime


def test_a_file_uri_of_another_host_is_refused():
    with pytest.raises(DocumentError, match='another host'):
        uri.read('file://elsewhere/etc/passwd')
