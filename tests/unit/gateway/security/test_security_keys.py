"""API keys: what is kept of them, the file they are in, and what it takes to change it."""

from __future__ import annotations

import multiprocessing
import os
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import SpecError
from headrace.gateway.security import keys


def test_a_key_fits_what_is_kept_of_it_and_nothing_else_does():
    shown, kept = keys.new_key('shop')
    other, _ = keys.new_key('shop')
    identifier, secret = keys.split(shown)
    assert kept.id == identifier
    assert kept.fits(secret)
    assert not kept.fits(keys.split(other)[1])
    assert not kept.fits('')
    assert not keys.NOBODY.fits(secret)


def test_nothing_of_the_secret_is_kept(tmp_path):
    shown, kept = keys.new_key('shop')
    keys.write(tmp_path / 'keys.json', keys.KeyFile((kept,)))
    secret = keys.split(shown)[1]
    assert secret not in (tmp_path / 'keys.json').read_text()
    assert secret not in repr(kept)
    assert len(secret) >= 43  # 256 bits
    twice = keys.new_key('shop')[1]
    assert (kept.salt, kept.hash) != (twice.salt, twice.hash)


@given(st.text(max_size=200))
def test_any_text_can_be_shown(text):
    identifier, secret = keys.split(text)
    assert (identifier, secret) == ('', '') or text == f'hr_{identifier}_{secret}' or not secret
    assert not keys.NOBODY.fits(secret)


def test_only_the_owner_reads_the_file(tmp_path):
    file = tmp_path / 'keys.json'
    keys.add(file, keys.new_key('one')[1])
    keys.add(file, keys.new_key('two')[1])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [key.name for key in keys.read(file).keys] == ['one', 'two']


def test_names_are_there_once(tmp_path):
    file = tmp_path / 'keys.json'
    keys.add(file, keys.new_key('one')[1])
    with pytest.raises(SpecError, match="a key 'one' already"):
        keys.add(file, keys.new_key('one')[1])
    with pytest.raises(SpecError, match="there is no key 'ones'"):
        keys.remove(file, 'ones')
    assert keys.remove(file, keys.read(file).keys[0].id) == 1


def test_a_new_key_takes_over_what_the_old_one_may(tmp_path):
    file = tmp_path / 'keys.json'
    until = time.time() + 3600
    keys.add(file, keys.new_key('one', scopes=('/search',), executors=('a',), expires=until)[1])
    shown = keys.rotate(file, 'one', keep_s=60)
    old, new = keys.read(file).keys
    assert new.fits(keys.split(shown)[1])
    assert (new.scopes, new.executors) == (('/search',), ('a',))
    assert new.expires == pytest.approx(until, abs=5)
    assert old.expires == pytest.approx(time.time() + 60, abs=5)
    keys.rotate(file, 'one')
    assert len(keys.read(file).keys) == 1  # those that ended are gone


@pytest.mark.parametrize(
    'text', ['', '[]', '{"keys": [{"name": "a"}]}', '{"kyes": []}', '{"keys": [{"name": "a", "salt": "zz"}]}']
)
def test_a_file_that_is_none_is_named(tmp_path, text):
    file = tmp_path / 'keys.json'
    file.write_text(text)
    with pytest.raises(SpecError, match=r'keys\.json'):
        keys.read(file)
    with pytest.raises(SpecError, match='headrace keys add'):
        keys.read(tmp_path / 'none.json')


def _add(file: str, number: int) -> None:
    for index in range(5):
        keys.add(file, keys.new_key(f'{number}-{index}')[1])


@pytest.mark.skipif(os.name != 'posix', reason='locks of folders')
def test_several_programs_may_add_keys_at_once(tmp_path):
    file = str(tmp_path / 'keys.json')
    context = multiprocessing.get_context('spawn')
    programs = [context.Process(target=_add, args=(file, number)) for number in range(3)]
    for program in programs:
        program.start()
    for program in programs:
        program.join()
        program.close()
    assert len(keys.read(file).keys) == 15
