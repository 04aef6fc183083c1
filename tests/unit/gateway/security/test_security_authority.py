"""Certificates for development: what they say, who trusts them, and what is withdrawn."""

from __future__ import annotations

import datetime
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from headrace.errors import SpecError, Unauthenticated
from headrace.gateway.security.authority import Authority
from headrace.gateway.security.certificates import Certificates
from headrace.gateway.security.folder import secure
from headrace.spec.security import SecuritySpec, TlsSpec


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path / 'ca', days=10)


def read(authority: Authority, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.certificate_file(name).read_bytes())


def shown_by(authority: Authority, name: str) -> bytes:
    """The certificate of a name, as a connection has it."""
    return read(authority, name).public_bytes(serialization.Encoding.DER)


def known_by(authority: Authority, **settings) -> Certificates:
    files = {'certificate': 'unused', 'key': 'unused', 'authority': str(authority.certificate_file('ca'))}
    return Certificates(TlsSpec(**files, client='required', revoked=str(authority.revoked_file), **settings))


def test_keys_are_private_and_certificates_do_not_last_for_ever(authority):
    authority.issue('server', 'server', hosts=['localhost', '10.0.0.7'])
    for name in ('ca', 'server'):
        assert stat.S_IMODE(authority.key_file(name).stat().st_mode) == 0o600
    assert stat.S_IMODE(authority.folder.stat().st_mode) == 0o700
    made, signer = read(authority, 'server'), read(authority, 'ca')
    made.verify_directly_issued_by(signer)
    now = datetime.datetime.now(datetime.UTC)
    assert made.not_valid_before_utc < now < made.not_valid_after_utc
    assert made.not_valid_after_utc - now < datetime.timedelta(days=11)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ['localhost']
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ['10.0.0.7']
    basic = made.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.value.ca, basic.critical) == (False, True)


def test_a_renewed_certificate_says_the_same_for_longer(authority):
    authority.issue('server', 'server', hosts=['localhost'])
    before, key = read(authority, 'server'), authority.key_file('server').read_bytes()
    authority.renew('server')
    after = read(authority, 'server')
    assert after.serial_number != before.serial_number
    assert authority.key_file('server').read_bytes() != key
    assert after.subject == before.subject
    for kind in (x509.SubjectAlternativeName, x509.ExtendedKeyUsage, x509.KeyUsage):
        told = [each.extensions.get_extension_for_class(kind).value for each in (before, after)]
        assert told[0] == told[1]


@pytest.mark.parametrize('name', ['', 'ca', '../evil', '.hidden', 'x' * 65, 'a\\b'])
def test_names_are_no_paths(authority, name):
    with pytest.raises(SpecError, match='cannot be the name'):
        authority.issue(name, 'client')


def test_only_its_own_certificates_are_withdrawn(authority, tmp_path):
    other = Authority(tmp_path / 'other')
    other.issue('alice', 'client')
    with pytest.raises(SpecError, match='not signed by this authority'):
        authority.revoke(other.certificate_file('alice'))
    with pytest.raises(SpecError, match='there is no certificate'):
        authority.revoke('nobody')


def test_who_a_certificate_names(authority):
    authority.issue('alice', 'client')
    known = known_by(authority, scopes={'al*': ('/search',), 'bob': ('*',)})
    alice = shown_by(authority, 'alice')
    identity = known.identity(alice, '10.0.0.1')
    assert (identity.name, identity.kind, identity.host) == ('alice', 'certificate', '10.0.0.1')
    assert identity.scopes.allows('/search')
    assert not identity.scopes.allows('/index')
    for shown in (b'', b'nonsense', alice[:200], authority.certificate_file('alice').read_bytes()):
        with pytest.raises(Unauthenticated, match='cannot be read'):
            known.identity(shown, '10.0.0.1')


def test_what_is_withdrawn_or_out_of_date_is_refused(authority, monkeypatch):
    for name in ('alice', 'bob'):
        authority.issue(name, 'client')
    known = known_by(authority)
    alice, bob = (shown_by(authority, name) for name in ('alice', 'bob'))
    assert known.identity(alice, '').name == 'alice'
    authority.revoke('alice')
    with pytest.raises(Unauthenticated, match='has been withdrawn'):
        known.identity(alice, '')
    assert known.identity(bob, '').name == 'bob'
    later = datetime.datetime.now(datetime.UTC).timestamp() + 11 * 86_400
    monkeypatch.setattr('headrace.gateway.security.certificates.time.time', lambda: later)
    with pytest.raises(Unauthenticated, match='out of date'):
        known.identity(bob, '')


def test_a_list_of_somebody_else_changes_nothing(authority, tmp_path, caplog):
    authority.issue('alice', 'client')
    alice = shown_by(authority, 'alice')
    known = known_by(authority)
    authority.revoke('alice')
    with pytest.raises(Unauthenticated):
        known.identity(alice, '')
    other = Authority(tmp_path / 'other')
    authority.revoked_file.write_bytes(other.revoked_file.read_bytes())
    with pytest.raises(Unauthenticated, match='withdrawn'):
        known.identity(alice, '')
    assert 'not signed by the authority' in caplog.text


def test_a_folder_is_made_once_and_what_is_given_stays(tmp_path):
    folder = tmp_path / 'security'
    given = SecuritySpec(keys='mine.json', failures_per_minute=5)
    first, second = secure(folder, given), secure(folder, SecuritySpec())
    assert first.key.startswith('hr_')
    assert second.key == ''
    assert (first.security.keys, first.security.failures_per_minute) == ('mine.json', 5)
    assert second.security.authenticates
    assert first.key not in ''.join(map(repr, (first.security, second.security)))
    assert (folder / '.gitignore').read_text() == '*\n'
