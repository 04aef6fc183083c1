"""`headrace keys`, `headrace certs`, `--secure`: what they make, and that nothing shows a key twice."""

from __future__ import annotations

import json
import re
import socket
from importlib.util import find_spec

import click
import pytest
from click.testing import CliRunner
from cryptography import x509

from headrace.cli import main
from headrace.cli.durations import Duration, Until
from headrace.cli.secure import how_to_call, secured
from headrace.cli.serving import addresses
from headrace.flow import Flow
from headrace.gateway.security import keys
from headrace.gateway.security.authority import Authority
from headrace.gateway.security.machine import names_of
from headrace.spec import needs


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*words: str, code: int = 0) -> click.testing.Result:
    ran = CliRunner().invoke(main, list(words))
    assert ran.exit_code == code, ran.output
    return ran


def test_keys_are_made_listed_rotated_and_removed(tmp_path):
    shown = run('keys', 'add', 'shop', '--scope', '/search', '--expires', '90d').stdout.strip()
    assert re.fullmatch(r'hr_[0-9a-f]{12}_[\w-]{43}', shown)
    (kept,) = keys.read('keys.json').keys
    assert (kept.name, kept.scopes, kept.fits(keys.split(shown)[1])) == ('shop', ('/search',), True)
    listed = run('keys', 'list').output
    assert 'shop' in listed
    assert keys.split(shown)[1] not in listed + (tmp_path / 'keys.json').read_text()
    again = run('keys', 'rotate', 'shop', '--keep', '1h').stdout.strip()
    assert again != shown
    assert len(keys.read('keys.json').keys) == 2
    run('keys', 'remove', 'shop')
    assert keys.read('keys.json').keys == ()
    assert "there is no key 'shop'" in run('keys', 'remove', 'shop', code=1).output


def test_certificates_are_made_once_renewed_and_withdrawn(tmp_path):
    run('certs', '--client', 'alice')
    made = {file.name for file in (tmp_path / 'certs').iterdir()}
    assert {'ca.crt', 'ca.key', 'ca.crl', 'server.crt', 'worker.key', 'gateway.crt', 'alice.crt'} <= made
    before = (tmp_path / 'certs/server.crt').read_bytes()
    run('certs')
    assert (tmp_path / 'certs/server.crt').read_bytes() == before
    assert 'withdrawn' in run('certs', '--revoke', 'alice').output
    alice = (tmp_path / 'certs/alice.crt').read_bytes()
    run('certs', '--renew')
    assert (tmp_path / 'certs/server.crt').read_bytes() != before
    assert (tmp_path / 'certs/alice.crt').read_bytes() == alice  # who is withdrawn gets no new one
    run('certs', '--client', 'alice')
    assert (tmp_path / 'certs/alice.crt').read_bytes() != alice


@pytest.mark.parametrize(('text', 'seconds'), [('30m', 1800), ('1.5h', 5400), ('90d', 7_776_000), ('0s', 0)])
def test_durations(text, seconds):
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize('text', ['', '90', 'd', '-1d', '2030-13-01', '1d2h', 'nan', 'infd'])
def test_what_is_no_duration(text):
    with pytest.raises(click.BadParameter):
        Until().convert(text, None, None)


def test_a_date_counts_to_its_end():
    assert Until().convert('2030-01-01', None, None) == 1893542399


@pytest.mark.parametrize(
    ('options', 'code', 'told'),
    [
        (('--scope', 'search'), 1, 'write /search, or * for all'),
        (('--scope', ''), 1, 'write /, or * for all'),
        (('--expires', '2020-01-01'), 2, 'this day is over already'),
    ],
)
def test_a_key_that_would_open_nothing_is_not_made(tmp_path, options, code, told):
    assert told in run('keys', 'add', 'shop', *options, code=code).output
    assert not (tmp_path / 'keys.json').exists()


def test_a_key_says_which_executors_it_opens():
    assert (
        'shop may call * of the executors index;' in run('keys', 'add', 'shop', '--executor', 'index').stderr
    )


def test_a_check_misses_files_of_keys_and_certificates(tmp_path):
    (tmp_path / 'flow.yml').write_text(
        'gateway: {protocol: http, security: {keys: keys.json, tls: {certificate: a.crt, key: a.key}}}'
    )
    missing = run('check', 'flow.yml', code=1).stderr
    assert f'there is no file {str(tmp_path / "keys.json")!r}' in missing
    assert 'headrace keys add NAME' in missing
    run('keys', 'add', 'shop')
    assert 'gateway.security.tls.certificate: there is no file' in run('check', 'flow.yml', code=1).stderr


def test_a_flow_is_secured_beside_its_file(tmp_path):
    (tmp_path / 'flow.yml').write_text('gateway: {protocol: http, host: 0.0.0.0}')
    flow, key = secured(Flow.load_config(tmp_path / 'flow.yml'))
    security = flow.spec.gateway.security
    assert security.authenticates
    assert security.tls is not None
    assert security.keys == str(tmp_path / 'security/keys.json')
    flow.check()
    again, none = secured(Flow.load_config(tmp_path / 'flow.yml'))
    assert (again, none) == (flow, '')
    assert key not in repr(flow) + flow.to_yaml() + str(flow.plan()) + json.dumps(str(flow.spec))
    assert how_to_call(Flow(), '') == []


def test_addresses_are_those_that_clients_and_browsers_take():
    flow = Flow(protocol=['grpc', 'http', 'websocket', 'graphql'], port=[1, 2])
    assert addresses(flow) == [
        'grpc://127.0.0.1:1',
        'http://127.0.0.1:2   dashboard: http://127.0.0.1:2/dashboard   documentation: http://127.0.0.1:2/docs',
        'ws://127.0.0.1:2',
        'http://127.0.0.1:2/graphql   GraphiQL in a browser',
    ]
    closed = flow.config_gateway(
        security={'keys': 'keys.json', 'tls': {'certificate': 'a', 'key': 'b'}, 'anonymous': ['/docs']}
    )
    assert addresses(closed) == [
        'grpcs://127.0.0.1:1',
        'https://127.0.0.1:2   dashboard: https://127.0.0.1:2/dashboard   documentation: https://127.0.0.1:2/docs',
        'wss://127.0.0.1:2',
        'https://127.0.0.1:2/graphql   GraphiQL in a browser (wants a key; for browsers: '
        'security.anonymous: [/graphql])',
    ]
    assert how_to_call(closed.config_gateway(protocol='graphql', port=2), '') == []


@pytest.mark.parametrize('words', [('check', 'flow.yml'), ('run', 'flow.yml')])
def test_an_open_gateway_on_a_network_says_how(tmp_path, words):
    (tmp_path / 'flow.yml').write_text('gateway: {host: 0.0.0.0}')
    told = run(*words, code=1).output
    assert 'gateway.host: at 0.0.0.0' in told
    assert '--secure' in told
    assert '--insecure' in told


def test_an_open_gateway_on_a_network_may_be_wanted(tmp_path):
    (tmp_path / 'flow.yml').write_text('gateway: {host: 0.0.0.0, insecure: true}')
    run('check', 'flow.yml')


def hosts_in(folder) -> set[str]:
    certificate = x509.load_pem_x509_certificate((folder / 'server.crt').read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each.value) for each in found}


def test_the_certificate_of_an_open_gateway_has_the_names_that_clients_use(tmp_path):
    (tmp_path / 'flow.yml').write_text('with: {protocol: http}')
    secured(Flow.load_config(tmp_path / 'flow.yml'))
    folder = tmp_path / 'security'
    assert hosts_in(folder) == {'localhost', '127.0.0.1', '::1', socket.gethostname()}
    before = (folder / 'server.crt').read_bytes()
    secured(Flow.load_config(tmp_path / 'flow.yml'))
    assert (folder / 'server.crt').read_bytes() == before
    (tmp_path / 'flow.yml').write_text('with: {protocol: http, host: 0.0.0.0}')
    secured(Flow.load_config(tmp_path / 'flow.yml'))
    wanted = {socket.gethostname(), *names_of('0.0.0.0')}
    assert wanted <= hosts_in(folder)
    assert not any(name.startswith('127.') for name in names_of('0.0.0.0'))
    (tmp_path / 'flow.yml').write_text('with: {protocol: http, host: 203.0.113.7}')
    secured(Flow.load_config(tmp_path / 'flow.yml'))
    assert wanted | {'203.0.113.7'} <= hosts_in(folder)


def test_a_certificate_from_elsewhere_stays(tmp_path):
    (tmp_path / 'flow.yml').write_text('with: {protocol: http}')
    secured(Flow.load_config(tmp_path / 'flow.yml'))
    other = Authority(tmp_path / 'other').issue('server', 'server', hosts=['shop.example'])
    (tmp_path / 'security/server.crt').write_bytes(other.read_bytes())
    secured(Flow.load_config(tmp_path / 'flow.yml'))
    assert hosts_in(tmp_path / 'security') == {'shop.example'}


@pytest.mark.parametrize(
    ('jwt', 'said'),
    [
        ('{algorithms: [RS256], jwks: gone.json, audience: shop}', 'jwks: there is no file'),
        ('{algorithms: [HS256], secret_file: gone, audience: shop}', 'secret_file: there is no file'),
    ],
)
def test_a_file_of_tokens_that_is_missing_is_told_before_anything_starts(tmp_path, jwt, said):
    (tmp_path / 'flow.yml').write_text(f'with: {{protocol: http}}\ngateway: {{security: {{jwt: {jwt}}}}}')
    for command in ('check', 'run'):
        told = run(command, 'flow.yml', code=1).stderr
        assert f'gateway.security.jwt.{said} {str(tmp_path / "gone")!r}'[:-1] in told
        assert ' help: put the ' in told


def test_what_is_not_installed_is_told(tmp_path, monkeypatch):
    (tmp_path / 'flow.yml').write_text('with: {protocol: [http, graphql]}\ngateway: {compress: true}')
    assert 'note' not in run('check', 'flow.yml').stderr
    missing = {'zstandard'}
    monkeypatch.setattr(needs, 'find_spec', lambda name: None if name in missing else find_spec(name))
    assert 'note: gateway.compress: answers are compressed with gzip alone' in run('check', 'flow.yml').stderr
    missing.add('graphql')
    told = run('check', 'flow.yml', code=1).stderr
    assert 'gateway.protocol: graphql needs graphql, which is not installed' in told
    assert "pip install 'headrace[graphql]'" in told
