"""Addresses in a file that changes, goes, and comes back."""

import asyncio
import os
from contextlib import aclosing

import pytest
from waiting import until

from headrace.errors import SpecError
from headrace.gateway.discovery import listed as module
from headrace.gateway.discovery.listed import LONGEST, Listed, addresses_in


async def soon(found):
    async with asyncio.timeout(20):
        return list(await anext(found))


async def test_a_file_is_read_again_when_it_changes(tmp_path, caplog):
    file = tmp_path / 'places'
    async with aclosing(aiter(Listed(str(file), look_every_s=0.01))) as found:
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: 'No such file' in caplog.text)
        file.write_text('10.0.0.1:9090\n# nobody\nunix:/run/b, tcp+tls:c:1\n')
        assert list(await waiting) == ['tcp:10.0.0.1:9090', 'unix:/run/b', 'tcp+tls:c:1']
        waiting = asyncio.ensure_future(anext(found))
        file.write_text('no address\n')
        await until(lambda: 'is not the address of a worker' in caplog.text)
        file.unlink()
        assert not waiting.done()
        file.write_text('')  # nobody: that is said, and not a failure
        assert list(await waiting) == []
        other = tmp_path / 'other'
        other.write_text('10.0.0.2:1')
        other.replace(file)
        assert await soon(found) == ['tcp:10.0.0.2:1']
    assert len([record for record in caplog.records if 'No such file' in record.message]) <= 2


class Looks:
    """A file that has another text at each look, and stays as it is at the last."""

    def __init__(self, *texts):
        self._texts = texts
        self.count = 0

    def __call__(self, path):
        self.count += 1
        return self._texts[min(self.count, len(self._texts)) - 1]


async def test_a_file_that_is_being_written_loses_nobody(monkeypatch):
    listed = Listed('places', look_every_s=0.001)
    looks = Looks('a:1\nb:1', '', 'a:1', 'a:1\nb:1\nc:1', 'c:1')
    monkeypatch.setattr(module, '_text_of', looks)
    async with aclosing(aiter(listed)) as found:
        assert [await soon(found) for _ in range(3)] == [
            ['tcp:a:1', 'tcp:b:1'],
            ['tcp:a:1', 'tcp:b:1', 'tcp:c:1'],
            ['tcp:c:1'],
        ]
    assert looks.count >= 6  # who has gone is still not there at a second look


@pytest.mark.parametrize('kind', ['pipe', 'device', 'folder', 'long'])
async def test_what_is_no_list_is_told_and_holds_up_nobody(tmp_path, caplog, kind):
    file = tmp_path / 'places'
    if kind == 'pipe':
        os.mkfifo(file)
    elif kind == 'device':
        file.symlink_to('/dev/zero')
    elif kind == 'folder':
        file.mkdir()
    else:
        file.write_text('a:1\n' * LONGEST)
    async with aclosing(aiter(Listed(str(file), look_every_s=0.01))) as found:
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: 'cannot be used: it ' in caplog.text)
        good = tmp_path / 'good'
        good.write_text('10.0.0.2:1')
        if kind == 'folder':
            file.rmdir()
        good.replace(file)
        async with asyncio.timeout(20):
            assert list(await waiting) == ['tcp:10.0.0.2:1']


def test_what_is_no_address_is_told_with_its_line():
    with pytest.raises(SpecError) as caught:
        list(addresses_in('10.0.0.1:9090\nrubbish here\n'))
    assert caught.value.message == "line 2, 'rubbish here': 'rubbish' is not the address of a worker"
    assert 'write host:port' in caught.value.help
